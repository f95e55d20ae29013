"""Tells of each APIService that names a Service whether its server can be reached.

Part of the API server in the reference, and writes under its name. A server is asked again and again, by `reconcile`'s answer.
Source: k8s.io/kube-aggregator/pkg/controllers/status/remote.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from wherry.api import timestamps
from wherry.api.errors import NotFound
from wherry.api.objects import Obj, labels, name, namespace
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.networking.endpoints.places import SERVICE_NAME
from wherry.rules.objects.plan import Plan, Update
from wherry.rules.schema.initial.api_availability import AVAILABLE, condition, conditions, missing, unanswered

#: seconds until a server that answered is asked again, and one that did not
_AGAIN, _SOON = 30.0, 2.0


class APIAvailabilityController(Controller):
    """Its keys are names of APIServices. `ask`: the server of one for its discovery document; "" when it answers, else why not."""

    name = "apiservice-status-remote-available-controller"

    def __init__(self, parts: Parts, ask: Callable[[Obj], Awaitable[str]]) -> None:
        super().__init__(parts)
        self._ask = ask
        self._api_services = self.watch(resource("apiservices", "apiregistration.k8s.io"), _remote)
        self._services = self.watch(resource("services"), self._of_service)
        self._slices = self.watch(resource("endpointslices", "discovery.k8s.io"), self._of_slice)

    async def reconcile(self, key: str) -> float | None:
        api_service = self._api_services.get(key)
        if api_service is None or not tuple(_remote(None, api_service)):
            return None
        place = _place(api_service)
        slices = [each for each in self._slices.items() if _named_by(each) == place]
        trouble = missing(api_service, self._services.get("/".join(place)), slices)
        asked = trouble is None
        if asked and (why := await self._ask(api_service)):
            trouble = unanswered(why)
        api_service = self._api_services.get(key) or api_service
        wanted = condition(api_service, trouble, timestamps.time(self.clock.now()))
        listed = conditions(api_service)
        known: Obj = next((c for c in listed if c.get("type") == AVAILABLE), {})
        if any(known.get(part) != wanted[part] for part in ("status", "reason", "message")):
            others = [c for c in listed if c.get("type") != AVAILABLE]
            error = (await self.apply(Plan((Update({**api_service, "status": {"conditions": [*others, wanted]}}, "status"),)))).error
            if error is not None and not isinstance(error, NotFound):
                raise error
        return None if not asked else _SOON if trouble else _AGAIN

    def _of_service(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        changed = new or old or {}
        return self._naming((namespace(changed), name(changed)))

    def _of_slice(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        return self._naming(_named_by(new or old or {}))

    def _naming(self, place: tuple[str, str]) -> list[str]:
        return [name(each) for each in self._api_services.items() if each["spec"].get("service") and _place(each) == place]


def _remote(old: Obj | None, new: Obj | None) -> Iterable[str]:
    changed = new or old or {}
    return (name(changed),) if changed["spec"].get("service") else ()


def _place(api_service: Obj) -> tuple[str, str]:
    service = api_service["spec"]["service"]
    return service.get("namespace", ""), service.get("name", "")


def _named_by(each: Obj) -> tuple[str, str]:
    return namespace(each), labels(each).get(SERVICE_NAME, "")
