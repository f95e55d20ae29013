"""What the ingress controller knows of the cluster: the routing table, and the pods behind each backend, as the informers have them now.

The table is made anew when an Ingress or a class changed; the endpoints of a Service are read from its EndpointSlices when they are asked
for, and again after these changed, so news of one Service costs nothing for others. Invariant: once this process knows that a pod is being
deleted, the pod is not among those that stay: the node hears of it from the same informer, so before anything of the pod is told to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wherry.api.objects import Obj, is_deleting, key, uid
from wherry.api.resources import resource
from wherry.client.informer import Informer, Informers
from wherry.rules.networking.endpoints.places import SERVICE_NAME, service_of
from wherry.rules.networking.ingress.classes import is_ours, own_classes
from wherry.rules.networking.ingress.endpoints import Targets, port_name, targets
from wherry.rules.networking.ingress.table import Backend, Fault, Table, table

INGRESSES = resource("ingresses", "networking.k8s.io")


class Known:
    """`changed` is called when the table may be another, or a Secret or Service of it."""

    def __init__(self, informers: Informers, changed: Callable[[], None]) -> None:
        self.ingresses = informers.of(INGRESSES)
        self.secrets = informers.of(resource("secrets"))
        self._classes = informers.of(resource("ingressclasses", "networking.k8s.io"))
        self._services = informers.of(resource("services"))
        self._slices = informers.of(resource("endpointslices", "discovery.k8s.io"))
        self._pods = informers.of(resource("pods"))
        #: uids of pods that are being deleted and are there yet
        self.leaving: set[str] = set()
        self._targets: dict[Backend, Targets] = {}
        self._slices.add_index(SERVICE_NAME, service_of)
        self._slices.add_handler(self._slice_changed, "ingress controller")
        self._pods.add_handler(self._pod_changed, "ingress controller")
        self._services.add_handler(self._service_changed, "ingress controller")
        for each in (self.ingresses, self._classes, self._services, self.secrets):
            each.add_handler(lambda old, new: changed(), "ingress controller")

    async def synced(self) -> None:
        for each in self._all():
            await each.synced()

    def _all(self) -> tuple[Informer, ...]:
        return self.ingresses, self.secrets, self._classes, self._services, self._slices, self._pods

    def ours(self) -> list[Obj]:
        """The Ingresses of this controller."""
        classes = own_classes(self._classes.items())
        return [each for each in self.ingresses.items() if is_ours(each, classes)]

    def table(self) -> Table:
        return table(self.ours())

    def targets(self, backend: Backend) -> Targets:
        found = self._targets.get(backend)
        if found is None:
            found = self._targets[backend] = self._read(backend)
        return found

    def missing(self, ingress: str, backends: Iterable[Backend]) -> list[Fault]:
        """What of an Ingress's backends is not there."""
        return [Fault(ingress, "BackendNotFound", why) for backend in backends if (why := self._missing(backend))]

    def _missing(self, backend: Backend) -> str:
        service = self._services.get(backend.key)
        if service is None:
            return f"service {backend.key} is not there"
        if port_name(service, backend) is None:
            return f"service {backend.key} has no TCP port {backend.number or repr(backend.port)}"
        if (service.get("spec") or {}).get("type") == "ExternalName":
            return f"service {backend.key} is an ExternalName: no pods are behind it"
        return ""

    def _read(self, backend: Backend) -> Targets:
        service = self._services.get(backend.key)
        port = port_name(service, backend) if service is not None else None
        return Targets() if port is None else targets(self._slices.by_index(SERVICE_NAME, backend.key), port)

    # --- news ---
    def _slice_changed(self, old: Obj | None, new: Obj | None) -> None:
        for each in (old, new):
            for service in service_of(each) if each is not None else ():
                self._forget(service)

    def _service_changed(self, old: Obj | None, new: Obj | None) -> None:
        self._forget(key(new or old or {}))

    def _forget(self, service: str) -> None:
        for backend in [each for each in self._targets if each.key == service]:
            del self._targets[backend]

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None and old is not None:
            self.leaving.discard(uid(old))
        elif new is not None and is_deleting(new):
            self.leaving.add(uid(new))
