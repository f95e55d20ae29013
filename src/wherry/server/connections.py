"""Requests that ask for a connection: exec, attach and port-forward of pods, proxies to pods, services and nodes.

Called by `resources`. Finds what is meant, with the reference's errors for what is not there, and hands it to the `NodeGateway` as a
`Connect`. No runtime takes connections yet, so what comes back is always an error.
Source: pkg/registry/core/pod/strategy.go (ExecLocation, PortForwardLocation, ResourceLocation), service/storage ResourceLocation.
"""

from __future__ import annotations

from wherry.api.errors import BadRequest, NotFound, ServiceUnavailable, StatusError
from wherry.api.objects import Obj
from wherry.api.options import Target, User
from wherry.api.resources import Resource, resource
from wherry.registry.registry import Registry
from wherry.server import connect_options
from wherry.server.gateway import Connect, NodeGateway
from wherry.server.parameters import Parameters

#: subresources that need a connection
NAMES = frozenset({"attach", "exec", "portforward", "proxy"})
_PODS, _ENDPOINTS = resource("pods"), resource("endpoints")


async def refusal(registry: Registry, gateway: NodeGateway, target: Target, p: Parameters, user: User, rest: str) -> StatusError:
    """Why there is no connection. Raises StatusError for what admission refuses or is not there. `rest`: the path behind a proxy."""
    await registry.connect(target, connect_options.of(target, p, rest), user)
    if target.subresource == "proxy":
        return await _proxy(registry, gateway, target)
    pod = await _get(registry, _PODS, target.namespace, target.name)
    container = "" if target.subresource == "portforward" else _container(pod, p.text("container"))
    if not pod["spec"].get("nodeName"):
        raise BadRequest(f"pod {target.name} does not have a host assigned")
    command, ports = tuple(p.all("command")), tuple(p.all("ports"))
    return gateway.refusal(pod, Connect(target.subresource, container, command, ports))


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
    return gateway.refusal(pod, Connect("proxy", ports=(port,) if port else ()))


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
