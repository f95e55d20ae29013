"""What the name server knows of the cluster, by informers: a `Directory`, and a number that moves with each change of it.

Made by the cluster before its informers start.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.rules.networking.endpoints.places import SERVICE_NAME, service_of


class ClusterDirectory:
    def __init__(self, informers: Informers) -> None:
        self._services = informers.of(resource("services"))
        self._slices = informers.of(resource("endpointslices", "discovery.k8s.io"))
        self._namespaces = informers.of(resource("namespaces"))
        #: how often something changed: what was answered before may be another answer now
        self.version = 0
        self._services.add_index("address", _service_addresses)
        self._slices.add_index(SERVICE_NAME, service_of)
        self._slices.add_index("address", _slice_addresses)
        for each in (self._services, self._slices, self._namespaces):
            each.add_handler(self._changed, "cluster DNS")

    async def synced(self) -> None:
        for each in (self._services, self._slices, self._namespaces):
            await each.synced()

    def has_namespace(self, namespace: str) -> bool:
        return self._namespaces.get(namespace) is not None

    def service(self, namespace: str, name: str) -> Obj | None:
        return self._services.get(f"{namespace}/{name}")

    def slices(self, namespace: str, service: str) -> Iterable[Obj]:
        return self._slices.by_index(SERVICE_NAME, f"{namespace}/{service}")

    def of_address(self, address: str) -> tuple[Iterable[Obj], Iterable[Obj]]:
        return self._services.by_index("address", address), self._slices.by_index("address", address)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        self.version += 1


def _service_addresses(service: Obj) -> Iterable[str]:
    spec = service["spec"]
    return [each for each in spec.get("clusterIPs") or [spec.get("clusterIP")] if each and each != "None"]


def _slice_addresses(one: Obj) -> Iterable[str]:
    return {address for endpoint in one.get("endpoints") or () for address in endpoint["addresses"]}
