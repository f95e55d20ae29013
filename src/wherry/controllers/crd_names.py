"""Accepts the names of CustomResourceDefinitions, establishes those whose names are accepted, and tells whose API is approved.

Gathers the names in use in a group, asks `wherry.rules.custom.names`, writes the status. When a definition goes or changes its names, the
others of its group are looked at again. It is part of the API server in the reference, and writes under its name.
Source: k8s.io/apiextensions-apiserver/pkg/controller (status/naming_controller.go, establish/establishing_controller.go, apiapproval).
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import timestamps
from wherry.api.objects import Obj, name
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.custom import approval, names
from wherry.rules.objects.plan import Plan, Update

DEFINITIONS = resource("customresourcedefinitions", "apiextensions.k8s.io")


def _group(definition: Obj) -> Iterable[str]:
    return (definition["spec"]["group"],)


class DefinitionNames(Controller):
    """Its keys are names of definitions. One worker: two definitions must not take the same name at the same time."""

    name = "crd-naming-controller"
    workers = 1

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._definitions = self.watch(DEFINITIONS, self._looked_at)
        self._definitions.add_index("group", _group)

    def _looked_at(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """A definition itself; all of its group when accepted names were given up."""
        if new is not None and (old is None or old["status"].get("acceptedNames") == new["status"].get("acceptedNames")):
            return (name(new),)
        changed = new or old
        assert changed is not None
        within = self._definitions.by_index("group", changed["spec"]["group"])
        return [name(each) for each in within]

    async def reconcile(self, key: str) -> float | None:
        definition = self._definitions.get(key)
        if definition is None:
            return None
        now = timestamps.time(self.clock.now())
        others = [each for each in self._definitions.by_index("group", definition["spec"]["group"]) if name(each) != key]
        status = names.accept(definition, names.taken(others), now)
        if status is not None:
            definition = await self._write({**definition, "status": status})
        for told in (names.establish, approval.condition):
            status = told(definition, now)
            if status is not None:
                definition = await self._write({**definition, "status": status})
        return None

    async def _write(self, definition: Obj) -> Obj:
        applied = await self.apply(Plan((Update(definition, "status"),)))
        if applied.error is not None:
            raise applied.error
        return applied.results[0]
