"""APIServices of what CustomResourceDefinitions serve: made with the first definition of a group version, gone with the last.

Part of the API server in the reference, and writes under its name. What somebody else made under such a name is left alone.
Source: pkg/controlplane/controller/crdregistration, k8s.io/kube-aggregator/pkg/controllers/autoregister.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import AlreadyExists, NotFound
from wherry.api.objects import Obj, name
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.objects.plan import Action, Create, Delete, Plan, Update
from wherry.rules.schema.initial.api_services import CONTINUOUSLY, MANAGED, of_definitions


class APIServiceController(Controller):
    """Its keys are names of APIServices."""

    name = "crd-apiservice-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._services = self.watch(resource("apiservices", "apiregistration.k8s.io"), _ours)
        self._definitions = self.watch(resource("customresourcedefinitions", "apiextensions.k8s.io"), _served)

    async def reconcile(self, key: str) -> float | None:
        wanted = of_definitions(self._definitions.items()).get(key)
        action = _step(wanted, self._services.get(key))
        if action is not None:
            error = (await self.apply(Plan((action,)))).error
            if error is not None and not isinstance(error, AlreadyExists | NotFound):
                raise error
        return None


def _step(wanted: Obj | None, existing: Obj | None) -> Action | None:
    if existing is None:
        return None if wanted is None else Create(wanted)
    if not tuple(_ours(None, existing)):
        return None
    if wanted is None:
        return Delete(existing)
    spec = {name: existing["spec"].get(name) for name in wanted["spec"]}
    return None if spec == wanted["spec"] else Update({**existing, "spec": wanted["spec"]})


def _ours(old: Obj | None, new: Obj | None) -> Iterable[str]:
    changed = new or old or {}
    labels = changed["metadata"].get("labels") or {}
    return (name(changed),) if labels.get(MANAGED) == CONTINUOUSLY else ()


def _served(old: Obj | None, new: Obj | None) -> Iterable[str]:
    """Every version that a definition has or had, served or not."""
    for each in (old, new):
        if each is not None:
            yield from (f"{version['name']}.{each['spec']['group']}" for version in each["spec"]["versions"])
