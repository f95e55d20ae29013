"""EndpointSlices of Services with a selector. Gathers pods, nodes and slices, asks `wherry.rules.networking.endpoints.slices`, applies.

When the Service goes its slices go with it (they are owned). Source: pkg/controller/endpointslice/endpointslice_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import InternalError, StatusError
from wherry.api.objects import Obj, is_deleting, key, labels, name, namespace
from wherry.api.resources import resource
from wherry.controllers.service_keys import ServiceController
from wherry.kit.backoff import Backoff
from wherry.kit.queue import WorkQueue
from wherry.reconcile.controller import Parts
from wherry.rules.networking.endpoints import pods as endpoint_pods
from wherry.rules.networking.endpoints import slices as endpointslices
from wherry.rules.networking.endpoints import topology
from wherry.rules.networking.endpoints.hints import asks_for_topology
from wherry.rules.networking.endpoints.places import CONTROLLER, MANAGED_BY, SERVICE_NAME
from wherry.rules.networking.endpoints.topology import Ratios
from wherry.rules.objects.plan import Emit, Plan
from wherry.rules.workloads.replicaset.replicas import is_namespace_terminating

SLICES = resource("endpointslices", "discovery.k8s.io")
NODES = resource("nodes")
#: seconds after which a slice that somebody else changed is looked at
CHANGED_BY_OTHERS = 1.0


def by_service(each: Obj) -> Iterable[str]:
    """Slices that this controller manages, by the key of their Service."""
    found = labels(each)
    return (f"{namespace(each)}/{found.get(SERVICE_NAME, '')}",) if found.get(MANAGED_BY) == CONTROLLER else ()


class EndpointSliceController(ServiceController):
    name = "endpoint-slice-controller"

    def __init__(self, parts: Parts) -> None:
        # a second where other controllers take milliseconds: what failed was a write to many slices
        super().__init__(parts, WorkQueue(parts.clock, Backoff(base=1.0)))
        self._writing: set[str] = set()
        self._nodes = self.informer(NODES)
        self._zones: Ratios | None = None
        self._spread: set[str] = set()
        self._nodes.add_handler(self._node_changed)
        self._slices = self.informer(SLICES)
        self._slices.add_index("service", by_service)
        self._slices.add_handler(self._slice_changed)

    async def reconcile(self, key: str) -> float | None:
        service = self.services.get(key)
        if service is None:
            self.forget(key)
            self._spread.discard(key)
        elif endpoint_pods.is_selecting(service):
            pods = self.selected_pods(service)
            slices = [each for each in self._slices.by_index("service", key) if not is_deleting(each)]
            zones = await self._zones_for(key, service)
            outcome = endpointslices.plan(service, pods, self._nodes.get, slices, self.trigger_time(service, pods), zones)
            error = await self._write(key, outcome.plan)
            if error is not None and is_namespace_terminating(error):
                return None
            if error is None and outcome.errors:
                error = InternalError(", ".join(outcome.errors))
            if error is not None:
                await self._tell(service, error)
                raise error
        return None

    async def _zones_for(self, at: str, service: Obj) -> Ratios | None:
        if asks_for_topology(service):
            self._spread.add(at)
            return self._ratios()
        if at in self._spread:
            self._spread.discard(at)
            await self.apply(endpointslices.disabled(service))
        return None

    def _ratios(self) -> Ratios:
        """Worked out once per change of a node."""
        if self._zones is None:
            self._zones = topology.ratios(self._nodes.items())
        return self._zones

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        """Services that want their traffic spread over zones look again when the shares of zones change."""
        before, self._zones = self._zones, None
        if before is not None and self._ratios() != before:
            for service in self.services.items():
                if asks_for_topology(service):
                    self.queue.add(key(service))

    async def _write(self, key: str, plan: Plan) -> StatusError | None:
        self._writing.add(key)
        try:
            return (await self.apply(plan)).error
        finally:
            self._writing.discard(key)

    async def _tell(self, service: Obj, error: StatusError) -> None:
        text = f"Error updating Endpoint Slices for Service {namespace(service)}/{name(service)}: {error.message}"
        await self.apply(Plan((Emit(service, "Warning", "FailedToUpdateEndpointSlices", text),)))

    def _slice_changed(self, old: Obj | None, new: Obj | None) -> None:
        """A sync for a slice of ours that somebody else changed."""
        for each in (old, new):
            for at in by_service(each) if each is not None else ():
                if at not in self._writing:
                    self.queue.add_after(at, CHANGED_BY_OTHERS)
