"""Requests that ask for a connection: exec, attach and port-forward of pods, proxies to pods, services and nodes.

Called by `resources`. Finds what is meant, with the reference's errors for what is not there. Pods whose containers run in this process are
served through the `NodeGateway`, as far as their runtime takes connections; what it refuses, it refuses by name.
Source: pkg/registry/core/pod/strategy.go (ExecLocation, PortForwardLocation, ResourceLocation), service/storage ResourceLocation.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from functools import partial

from wherry.api.errors import BadRequest, NotFound, ServiceUnavailable, StatusError
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.api.resources import Resource, resource
from wherry.registry.registry import Registry
from wherry.server import connect_options
from wherry.server.call import Call
from wherry.server.gateway import Connect, NodeGateway, refused
from wherry.server.watching import until
from wherry.server.wire import TRAIL, Answer, Server, Switched
from wherry.streams import serving, takeover
from wherry.streams.port_forward import Forwarded
from wherry.streams.remote_command import Wanted

_log = logging.getLogger(__name__)
#: subresources that need a connection
NAMES = frozenset({"attach", "exec", "portforward", "proxy"})
_PODS, _ENDPOINTS = resource("pods"), resource("endpoints")


class Connections:
    def __init__(self, registry: Registry, gateway: NodeGateway) -> None:
        self._registry, self._gateway = registry, gateway

    async def serve(self, server: Server, call: Call, target: Target, rest: str) -> Answer:
        """The whole connection. `rest`: the path behind a proxy. Raises StatusError for what is not there or not taken."""
        options = await self._registry.connect(target, connect_options.of(target, call.parameters, rest), call.who)
        if target.subresource == "proxy":
            raise await _proxy(self._registry, self._gateway, target)
        pod = await _get(self._registry, _PODS, target.namespace, target.name)
        wanted = _wanted(target.subresource, pod, options, call)
        if not pod["spec"].get("nodeName"):
            raise BadRequest(f"pod {target.name} does not have a host assigned")
        if (why := self._gateway.refusal(pod, wanted)) is not None:
            raise why
        return await held(server, call, self._streams(call, pod, wanted, options))

    def _streams(self, call: Call, pod: Obj, wanted: Connect, options: Obj) -> Awaitable[None]:
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


async def held(server: Server, call: Call, work: Awaitable[None]) -> Answer:
    """Lets a connection last until its work is done, its client gone or the server stopped."""
    if (trail := call.request.get(TRAIL)) is not None:
        trail.started(101)
    end = server.until_gone(call.request)
    try:
        await until(end, work)
    except StatusError:
        raise
    except Exception:
        if not takeover.is_taken(call.request):
            raise
        _log.exception("the connection of %s ended", call.path)
    finally:
        server.release(call.request, end)
    return Switched()


async def _get(registry: Registry, of: Resource, namespace: str, name: str) -> Obj:
    found: Obj = (await registry.get(Target(of, namespace, name))).object()
    return found


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


def _split(target: Target) -> tuple[str, str]:
    """(name, port) of `name`, `name:port` or `scheme:name:port`."""
    parts = target.name.split(":")
    scheme, name, port = {1: ("", parts[0], ""), 2: ("", *parts)}.get(len(parts), (*parts, "", "", "")[:3])
    if len(parts) > 3 or not name or scheme not in ("", "http", "https"):
        raise BadRequest(f'invalid {target.resource.singular} request "{target.name}"')
    return name, port


async def _proxy(registry: Registry, gateway: NodeGateway, target: Target) -> StatusError:
    name, port = _split(target)
    match target.resource.plural:
        case "nodes":
            await _get(registry, target.resource, "", name)
            text = f"wherry does not serve nodes/proxy here: node {name} is simulated: no agent listens there"
            return StatusError(text, code=501, reason="NotImplemented")
        case "services":
            pod, port = await _behind(registry, target, name, port)
        case _:
            pod = await _get(registry, _PODS, target.namespace, name)
            declared = [str(q["containerPort"]) for c in pod["spec"]["containers"] for q in c.get("ports") or ()]
            port = port or (declared[0] if declared else "")
            if not (pod.get("status") or {}).get("podIP"):
                raise BadRequest("address not allowed")
    wanted = Connect("proxy", ports=(port,) if port else ())
    return gateway.refusal(pod, wanted) or refused(pod, wanted)


async def _behind(registry: Registry, target: Target, name: str, port: str) -> tuple[Obj, str]:
    """A pod behind a Service, and its port."""
    if port.isdigit():
        service = await _get(registry, target.resource, target.namespace, name)
        names = [p.get("name", "") for p in (service.get("spec") or {}).get("ports") or () if p.get("port") == int(port)]
        if not names:
            raise ServiceUnavailable(f'no service port {port} found for service "{name}"')
        port = names[0]
    endpoints = await _get(registry, _ENDPOINTS, target.namespace, name)
    subsets = endpoints.get("subsets") or []
    if not subsets:
        raise ServiceUnavailable(f'no endpoints available for service "{name}"')
    for subset in subsets:
        numbers = [str(p["port"]) for p in subset.get("ports") or () if p.get("name", "") == port]
        for address in subset.get("addresses") or () if numbers else ():
            ref = address.get("targetRef") or {}
            if ref.get("kind") == "Pod" and ref.get("namespace") == target.namespace:
                try:
                    return await _get(registry, _PODS, target.namespace, ref["name"]), numbers[0]
                except NotFound:
                    continue
    raise ServiceUnavailable(f'no endpoints available for service "{target.name}"')
