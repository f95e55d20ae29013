"""Group versions that an APIService says are served by another server: requests are handed on, as the user who asks.

Called by `app` for paths of groups that this server does not serve; authentication and authorization were done there. A server that does
not answer (its APIService is not available) gets no requests. Source: k8s.io/kube-aggregator/pkg/apiserver/handler_proxy.go.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.api.resources import resource
from wherry.registry.outside.calls import CallFailed
from wherry.registry.registry import Registry
from wherry.rules.schema.initial.api_availability import is_available
from wherry.server import rendering
from wherry.server.call import Call
from wherry.server.held import held, streamed
from wherry.server.other_servers import OtherServers
from wherry.server.wire import Answer, Server

API_SERVICES = resource("apiservices", "apiregistration.k8s.io")


class Elsewhere:
    """`servers`: the way there; None where there is none."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.servers: OtherServers | None = None

    async def find(self, group: str, version: str) -> Obj | None:
        """The APIService that names a Service for this group version, where nothing here serves it."""
        if any(row.group == group and row.version == version for row in (*self._registry.table, *self._registry.table.computed)):
            return None
        try:
            found: Obj = (await self._registry.get(Target(API_SERVICES, "", f"{version}.{group}"))).object()
        except NotFound:
            return None
        return found if found["spec"].get("service") else None

    async def serve(self, server: Server, call: Call, api_service: Obj, common: bytes) -> Answer:
        """What the other server answers. Raises StatusError."""
        if self.servers is None or not is_available(api_service):
            return rendering.unavailable_text()
        try:
            upstream = await self.servers.upstream(api_service, call.request.raw_path, call.who)
        except CallFailed:
            return rendering.unavailable_text()
        from wherry.server import proxying

        if "upgrade" in call.header("Connection").lower():
            return await held(server, call, proxying.switched(upstream, call.request))
        return await streamed(server, call, proxying.fetch(upstream, call, common))
