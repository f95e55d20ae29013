"""Whether the priority level that a FlowSchema names is there: its condition Dangling.

Part of the API server in the reference, and writes under its name.
Source: k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go (presyncFlowSchemaStatus).
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import timestamps
from wherry.api.objects import Obj, name
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.objects.plan import Plan, Update
from wherry.rules.schema.initial.flow_control import GROUP, dangling, level_of


class FlowSchemaController(Controller):
    """Its keys are names of FlowSchemas."""

    name = "flow-schema-status-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._schemas = self.watch(resource("flowschemas", GROUP))
        self._levels = self.watch(resource("prioritylevelconfigurations", GROUP), self._leading_to)

    async def reconcile(self, key: str) -> float | None:
        schema = self._schemas.get(key)
        if schema is None:
            return None
        there = self._levels.get(level_of(schema)) is not None
        wanted = dangling(schema, there=there, now=timestamps.time(self.clock.now()))
        conditions = (schema.get("status") or {}).get("conditions") or []
        known: Obj = next((c for c in conditions if c.get("type") == "Dangling"), {})
        if any(known.get(part) != wanted[part] for part in ("status", "reason", "message")):
            others = [c for c in conditions if c.get("type") != "Dangling"]
            error = (await self.apply(Plan((Update({**schema, "status": {"conditions": [*others, wanted]}}, "status"),)))).error
            if error is not None:
                raise error
        return None

    def _leading_to(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if old is not None and new is not None:
            return ()
        level = name(new or old or {})
        return [name(each) for each in self._schemas.items() if level_of(each) == level]
