"""Endpoints of Services with a selector. Gathers pods, asks `wherry.rules.networking.endpoints.endpoints`, applies.

Endpoints without a Service are deleted: when the Service goes, and once at the start for those that were left behind.
Source: pkg/controller/endpoint/endpoints_controller.go.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, key, name, namespace
from wherry.api.resources import resource
from wherry.controllers.service_keys import ServiceController
from wherry.reconcile.controller import Parts
from wherry.rules.networking.endpoints import endpoints
from wherry.rules.networking.endpoints import pods as endpoint_pods
from wherry.rules.objects.plan import Create, Delete, Emit, Plan
from wherry.rules.workloads.replicaset.replicas import is_namespace_terminating

ENDPOINTS = resource("endpoints")
#: Endpoints that an old leader election uses as its lock have no Service
LEADER = "control-plane.alpha.kubernetes.io/leader"


class EndpointsController(ServiceController):
    name = "endpoint-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._endpoints = self.watch(ENDPOINTS, lambda old, new: (key(old),) if old is not None and new is None else ())

    async def run(self) -> None:
        for each in self._endpoints.items():
            if LEADER not in (each["metadata"].get("annotations") or {}):
                self.queue.add(key(each))
        await super().run()

    async def reconcile(self, key: str) -> float | None:
        service, current = self.services.get(key), self._endpoints.get(key)
        if service is None:
            self.forget(key)
            if current is not None:
                await self._delete(current)
        elif endpoint_pods.is_selecting(service):
            pods = self.selected_pods(service)
            await self._write(service, endpoints.plan(service, pods, current, self.trigger_time(service, pods)))
        return None

    async def _delete(self, current: Obj) -> None:
        error = (await self.apply(Plan((Delete(current),)))).error
        if error is not None and not isinstance(error, NotFound):
            raise error

    async def _write(self, service: Obj, plan: Plan) -> None:
        error = (await self.apply(plan)).error
        if error is None:
            return
        where = f"{namespace(service)}/{name(service)}"
        if not isinstance(plan.actions[0], Create):
            told = ("FailedToUpdateEndpoint", f"Failed to update endpoint {where}: {error.message}")
        elif is_namespace_terminating(error):
            return
        else:
            told = ("FailedToCreateEndpoint", f"Failed to create endpoint for service {where}: {error.message}")
        about = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name(service), "namespace": namespace(service)}}
        await self.apply(Plan((Emit(about, "Warning", *told),)))
        raise error
