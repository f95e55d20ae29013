"""Requests that ask for a connection: exec, attach and port-forward of pods, proxies to pods, services and nodes.

Called by `resources`. Finds what is meant, with the reference's errors for what is not there. Pods whose containers run in this process are
served through the `NodeGateway`, as far as their runtime takes connections, those of other machines by their kubelets.
Source: pkg/registry/core/pod/strategy.go (ExecLocation, PortForwardLocation).
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial

from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.registry.registry import Registry
from wherry.server import connect_options, pod_requests
from wherry.server.call import Call
from wherry.server.gateway import Connect, NodeGateway
from wherry.server.held import held, streamed
from wherry.server.nodes import Kubelets
from wherry.server.proxies import PODS, Proxies, get
from wherry.server.routes import Route
from wherry.server.wire import Answer, Reply, Server
from wherry.streams.dialing import Place
from wherry.streams.remote_command import Wanted

#: subresources that need a connection
NAMES = frozenset({"attach", "exec", "portforward", "proxy"})


class Connections:
    """`kubelets`: the way to nodes of other processes; without it only those of this one are reached."""

    def __init__(self, registry: Registry, gateway: NodeGateway, kubelets: Kubelets | None = None) -> None:
        self._registry, self._gateway, self._kubelets = registry, gateway, kubelets
        self._proxies = Proxies(registry, gateway, kubelets)

    async def serve(self, server: Server, call: Call, route: Route, common: bytes) -> Answer:
        """The whole connection. Raises StatusError for what is not there or not taken."""
        target = route.target
        options = await self._registry.connect(target, connect_options.of(target, call.parameters, route.rest), call.who)
        if target.subresource == "proxy":
            return await self._proxies.serve(server, call, target, common)
        pod = await get(self._registry, PODS, target.namespace, target.name)
        wanted = _wanted(target.subresource, pod, options, call)
        node = pod["spec"].get("nodeName")
        if not node:
            raise BadRequest(f"pod {target.name} does not have a host assigned")
        if self._kubelets is not None and not self._gateway.serves(node):
            return await self._elsewhere(server, call, await self._kubelets.place(node), pod, wanted)
        if (why := self._gateway.refusal(pod, wanted)) is not None:
            raise why
        return await held(server, call, self._streams(call, pod, wanted, options))

    async def logs(self, server: Server, call: Call, target: Target, common: bytes) -> Answer:
        """A container's log, from where it is. Raises StatusError."""
        pod = await get(self._registry, PODS, target.namespace, target.name)
        node = pod["spec"].get("nodeName")
        if not node or self._kubelets is None or self._gateway.serves(node):
            return await pod_requests.logs(server, call, pod, self._gateway, common)
        from wherry.server import kubelet_streams, proxying

        p = call.parameters
        options, container = pod_requests.log_options(p, target.name), pod_requests.container_of(pod, p.text("container"))
        place = await self._kubelets.place(node, insecure=bool(p.flag("insecureSkipTLSVerifyBackend")))
        upstream = proxying.Upstream(place, kubelet_streams.log_target(pod, container, options, p.text("sinceTime")))
        return await streamed(server, call, proxying.logs(upstream, call, common, target.name))

    async def _elsewhere(self, server: Server, call: Call, place: Place, pod: Obj, wanted: Connect) -> Answer:
        from wherry.server import kubelet_streams

        try:
            return await held(server, call, kubelet_streams.serve(call.request, place, pod, wanted))
        except kubelet_streams.Refused as refused:
            answer = refused.answer
            return Reply(answer.status, answer.body, answer.header("Content-Type"))

    def _streams(self, call: Call, pod: Obj, wanted: Connect, options: Obj) -> Awaitable[None]:
        from wherry.streams import serving  # with the first connection: a start does without
        from wherry.streams.port_forward import Forwarded

        if wanted.what == "portforward":
            what = f"pod {pod['metadata']['name']}"
            return serving.forward_ports(call.request, Forwarded(what, partial(self._gateway.dial, pod)), options.get("ports") or ())
        return serving.run_command(call.request, wanted.streams, partial(self._gateway.open, pod, wanted))


def _wanted(what: str, pod: Obj, options: Obj, call: Call) -> Connect:
    """As admission left it. The ports in errors are as the client wrote them."""
    if what == "portforward":
        return Connect(what, ports=tuple(call.parameters.all("ports")))
    streams = Wanted(*(bool(options.get(name)) for name in Wanted._fields))
    return Connect(what, _container(pod, options.get("container", "")), tuple(options.get("command") or ()), streams=streams)


def _container(pod: Obj, asked: str) -> str:
    spec, name = pod["spec"], pod["metadata"]["name"]
    names = [c["name"] for part in ("initContainers", "containers", "ephemeralContainers") for c in spec.get(part) or ()]
    if not asked:
        if len(spec["containers"]) != 1:
            raise BadRequest(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")
        return str(spec["containers"][0]["name"])
    if asked not in names:
        raise BadRequest(f"container {asked} is not valid for pod {name}")
    return asked
