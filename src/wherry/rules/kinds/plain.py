"""Strategies of flow control, whose kinds wherry stores and hands out but does not act on.

Read by the registry through `STRATEGIES`.
Source: pkg/apis/flowcontrol, pkg/registry/flowcontrol/*/strategy.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.objects.strategy import Strategy, keep_status
from wherry.rules.schema.validation.flow_control import validate_conditions, validate_flow_schema, validate_priority_level


def _fill(target: Obj, **values: object) -> None:
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = value


def _reset(draft: Obj) -> None:
    draft["status"] = {}


def _default_flow(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000
    draft.setdefault("status", {})


def _default_level(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    if (exempt := spec.get("exempt")) is not None:
        _fill(exempt, nominalConcurrencyShares=0, lendablePercent=0)
    if (limited := spec.get("limited")) is not None:
        _fill(limited, nominalConcurrencyShares=30, lendablePercent=0)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            for name, value in (("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)):
                queuing[name] = queuing.get(name) or value
    draft.setdefault("status", {})


_FLOW = "flowcontrol.apiserver.k8s.io"

STRATEGIES: dict[str, Strategy] = {
    f"FlowSchema.{_FLOW}": Strategy(
        default=_default_flow, prepare_create=_reset, prepare_update=keep_status, validate=validate_flow_schema,
        validate_status=validate_conditions, generation=True, revalidate="instead"
    ),
    f"PriorityLevelConfiguration.{_FLOW}": Strategy(
        default=_default_level, prepare_create=_reset, prepare_update=keep_status, validate=validate_priority_level,
        validate_status=validate_conditions, generation=True, revalidate="instead"
    ),
}
