"""The IPAddress of each cluster IP: made when a Service takes it, gone when the Service is gone or gives it back.

In the reference the API server makes them, because its allocator goes by them; here which addresses are in use is what the Services say
(`registry.hooks`), and these objects follow. Addresses that somebody else made are left alone; they are taken all the same.
Source: pkg/registry/core/service/ipallocator (ipallocator.go, controller/repairip.go); KEP-1880.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import AlreadyExists, NotFound
from wherry.api.objects import Obj, name
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.networking.services.addresses import ALLOCATOR, MANAGED_BY, address
from wherry.rules.networking.services.allocation import held
from wherry.rules.objects.plan import Action, Create, Delete, Plan


class IPAddressController(Controller):
    """Its keys are addresses."""

    name = "service-ip-address-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._services = self.watch(resource("services"), _addresses)
        self._services.add_index("ip", _held)
        self._addresses = self.watch(resource("ipaddresses", "networking.k8s.io"), _ours)

    async def reconcile(self, key: str) -> float | None:
        holders = self._services.by_index("ip", key)
        action = _step(key, holders[0] if holders else None, self._addresses.get(key))
        if action is not None:
            error = (await self.apply(Plan((action,)))).error
            if error is not None and not isinstance(error, AlreadyExists | NotFound):
                raise error
            if isinstance(action, Delete) and holders:
                self.queue.add(key)
        return None


def _step(ip: str, holder: Obj | None, existing: Obj | None) -> Action | None:
    wanted = address(ip, holder["metadata"]["namespace"], holder["metadata"]["name"]) if holder is not None else None
    if existing is None:
        return None if wanted is None else Create(wanted)
    if not tuple(_ours(None, existing)) or (wanted is not None and existing["spec"] == wanted["spec"]):
        return None
    return Delete(existing)


def _held(service: Obj) -> Iterable[str]:
    return held(service)[0]


def _addresses(old: Obj | None, new: Obj | None) -> Iterable[str]:
    before, after = (held(each)[0] if each is not None else frozenset() for each in (old, new))
    return before ^ after if before != after else ()


def _ours(old: Obj | None, new: Obj | None) -> Iterable[str]:
    changed = new or old or {}
    labels = changed["metadata"].get("labels") or {}
    return (name(changed),) if labels.get(MANAGED_BY) == ALLOCATOR else ()
