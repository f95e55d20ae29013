"""The EndpointSlice mirroring controller: Endpoints of Services without a selector, which users write, as EndpointSlices.

Watches Endpoints, Services and its own slices; its keys are those of Endpoints. Rule: `wherry.rules.networking.mirroring`.
Source of the wiring: pkg/controller/endpointslicemirroring/endpointslicemirroring_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, key, labels, namespace
from wherry.api.resources import resource
from wherry.kit.backoff import Backoff
from wherry.kit.queue import WorkQueue
from wherry.reconcile import Controller, Parts
from wherry.rules.networking.endpoints.places import MANAGED_BY, SERVICE_NAME
from wherry.rules.networking.mirroring import plan as mirroring
from wherry.rules.workloads.replicaset.replicas import is_namespace_terminating

ENDPOINTS, SERVICES = resource("endpoints"), resource("services")
SLICES = resource("endpointslices", "discovery.k8s.io")


def _by_service(each: Obj) -> Iterable[str]:
    found = labels(each)
    return (f"{namespace(each)}/{found.get(SERVICE_NAME, '')}",) if found.get(MANAGED_BY) == mirroring.CONTROLLER else ()


class EndpointSliceMirroringController(Controller):
    name = "endpoint-slice-mirroring-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.queue = WorkQueue(parts.clock, Backoff(1.0, 100.0))
        self._slices = self.informer(SLICES)
        self._slices.add_index("mirrored", _by_service)
        self._endpoints = self.watch(ENDPOINTS, self._of_endpoints)
        self._services = self.watch(SERVICES, self._of_service)
        self.watch(SLICES, self._of_slice)

    async def reconcile(self, key: str) -> float | None:
        slices = self._slices.by_index("mirrored", key)
        endpoints, service = self._endpoints.get(key), self._services.get(key)
        if endpoints is None or service is None or not mirroring.is_mirrored(endpoints) or service["spec"].get("selector") is not None:
            plan = mirroring.clean_up(slices)
        else:
            plan = mirroring.plan(endpoints, slices)
        error = (await self.apply(plan)).error
        if error is not None and not isinstance(error, NotFound) and not is_namespace_terminating(error):
            raise error
        return None

    def _of_endpoints(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        return [key(new or old or {})] if any(each is not None and mirroring.is_mirrored(each) for each in (old, new)) else ()

    def _of_service(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """A Service without a selector comes or goes, or gets one, or loses it."""
        chosen = [each["spec"].get("selector") is None for each in (old, new) if each is not None]
        return [key(new or old or {})] if (len(chosen) == 1 and chosen[0]) or len(set(chosen)) == 2 else ()

    def _of_slice(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """Somebody may have changed a slice of ours, or taken it out of our hands."""
        return {at for each in (old, new) if each is not None for at in _by_service(each)}
