"""The `proxy` subresources of nodes, pods and services: what is meant, and where the way there begins.

Called by `connections`. A node's is its kubelet, a pod's and a service's a port of a pod: of this process, and of machines that share its
pods' network, through the `NodeGateway`, of other wherry nodes by their kubelet's API, of others at the pod's address.
Source: pkg/registry/core/{pod,node}/strategy.go ResourceLocation, service/storage ResourceLocation, k8s.io/apimachinery/pkg/util/net
SplitSchemeNamePort, apimachinery/pkg/util/proxy/upgradeaware.go (the redirect to the path that ends with a slash).
"""

from __future__ import annotations

import ssl
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from wherry.api.errors import BadRequest, NotFound, ServiceUnavailable
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.api.resources import Resource, resource
from wherry.registry.registry import Registry
from wherry.server.call import Call
from wherry.server.gateway import Connect, NodeGateway, nobody_listens
from wherry.server.held import held, streamed
from wherry.server.nodes import PORT, Kubelets
from wherry.server.wire import Answer, Reply, Server
from wherry.streams.dialing import Place

if TYPE_CHECKING:
    from wherry.server.proxying import Opening, Upstream

PODS, _ENDPOINTS, _NODES = resource("pods"), resource("endpoints"), resource("nodes")
#: what wherry's own engine calls itself in a node's status
_OWN_NETWORK = "process://"


class Meant(NamedTuple):
    """`scheme:name:port` of a request, as far as it says them."""

    scheme: str
    name: str
    port: str


async def get(registry: Registry, of: Resource, namespace: str, name: str) -> Obj:
    """Raises NotFound."""
    found: Obj = (await registry.get(Target(of, namespace, name))).object()
    return found


class Proxies:
    def __init__(self, registry: Registry, gateway: NodeGateway, kubelets: Kubelets | None) -> None:
        self._registry, self._gateway, self._kubelets = registry, gateway, kubelets
        #: pods behind a Service take turns
        self._turn = 0

    async def serve(self, server: Server, call: Call, target: Target, common: bytes) -> Answer:
        """Raises StatusError."""
        meant = _split(target)
        below, path = _parted(call.path, namespaced=target.resource.namespaced)
        find = {"nodes": self._node, "services": self._service}.get(target.resource.plural, self._pod)
        from wherry.server import proxying  # with the first proxied request: a start does without

        upstream = await find(target, meant)
        if not path and call.method in ("GET", "HEAD"):
            return Reply(301, b"", "", [("Location", f"{below}/" + (f"?{call.query}" if call.query else ""))])
        upstream = upstream._replace(target=(path or "/") + (f"?{call.query}" if call.query else ""), below=below)
        if "upgrade" in call.header("Connection").lower():
            return await held(server, call, proxying.switched(upstream, call.request))
        return await streamed(server, call, proxying.fetch(upstream, call, common))

    async def _node(self, target: Target, meant: Meant) -> Upstream:
        from wherry.server.proxying import Upstream

        await get(self._registry, target.resource, "", meant.name)
        if self._kubelets is None or self._gateway.serves(meant.name):
            if self._gateway.simulates(meant.name):
                raise nobody_listens(meant.name)
            return Upstream(Place(meant.name, PORT), "", partial(self._gateway.dial_node, meant.name))
        place = await self._kubelets.place(meant.name)
        if not meant.port or meant.port == str(place.port):
            return Upstream(place, "")
        _check_address(place.host)
        return Upstream(_place(place.host, meant), "")

    async def _pod(self, target: Target, meant: Meant) -> Upstream:
        pod = await get(self._registry, PODS, target.namespace, meant.name)
        declared = [str(q["containerPort"]) for c in pod["spec"]["containers"] for q in c.get("ports") or ()]
        return await self._port_of(pod, meant._replace(port=meant.port or (declared[0] if declared else "")))

    async def _service(self, target: Target, meant: Meant) -> Upstream:
        self._turn += 1
        pod, port = await _behind(self._registry, target, meant, self._turn)
        return await self._port_of(pod, meant._replace(port=port))

    async def _port_of(self, pod: Obj, meant: Meant) -> Upstream:
        """Raises StatusError."""
        from wherry.server.proxying import Upstream

        address = (pod.get("status") or {}).get("podIP")
        if not address:
            raise BadRequest("address not allowed")
        place = _place(address, meant)
        if self._kubelets is not None and not self._gateway.serves(pod["spec"].get("nodeName", "")):
            _check_address(address)
            if self._gateway.reaches(pod):
                return Upstream(place, "", partial(self._gateway.reach, pod, place.port))
            return Upstream(place, "", await self._by_its_kubelet(pod, place.port))
        if (why := self._gateway.refusal(pod, Connect("proxy", ports=(meant.port,) if meant.port else ()))) is not None:
            raise why
        return Upstream(place, "", partial(self._gateway.reach, pod, place.port))


    async def _by_its_kubelet(self, pod: Obj, port: int) -> Opening | None:
        """For pods whose address means something on their own machine alone: of wherry's nodes, where no network of pods is shared."""
        from wherry.server import kubelet_streams

        assert self._kubelets is not None
        node = await get(self._registry, _NODES, "", pod["spec"]["nodeName"])
        if not ((node.get("status") or {}).get("nodeInfo") or {}).get("containerRuntimeVersion", "").startswith(_OWN_NETWORK):
            return None
        return partial(kubelet_streams.dial, await self._kubelets.place(node["metadata"]["name"]), pod, port)


def _place(host: str, meant: Meant) -> Place:
    """Certificates behind a proxy are not checked, as in the reference. Raises BadRequest."""
    text = meant.port or ("443" if meant.scheme == "https" else "80")
    if not text.isdecimal() or not 0 < int(text[:6]) < 1 << 16:
        raise BadRequest(f'invalid port "{text}"')
    return Place(host, int(text), ssl._create_unverified_context() if meant.scheme == "https" else None)


def _check_address(host: str) -> None:
    """Not what only this machine means by it. Raises BadRequest."""
    try:
        found = ip_address(host)
    except ValueError:
        return
    if found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified:
        raise BadRequest("address not allowed")


def _parted(path: str, *, namespaced: bool) -> tuple[str, str]:
    """A raw path up to `proxy`, and what follows: "" or from its slash on."""
    count = 8 if namespaced else 6
    parts = path.split("/", count)
    return "/".join(parts[:count]), f"/{parts[count]}" if len(parts) > count else ""


def _split(target: Target) -> Meant:
    """Of `name`, `name:port` or `scheme:name:port`."""
    parts = target.name.split(":")
    scheme, name, port = {1: ("", parts[0], ""), 2: ("", *parts)}.get(len(parts), (*parts, "", "", "")[:3])
    if len(parts) > 3 or not name or scheme not in ("", "http", "https"):
        raise BadRequest(f'invalid {target.resource.singular} request "{target.name}"')
    return Meant(scheme, name, port)


async def _behind(registry: Registry, target: Target, meant: Meant, turn: int) -> tuple[Obj, str]:
    """A pod behind a Service, and its port."""
    name, port = meant.name, meant.port
    if port.isdigit():
        service = await get(registry, target.resource, target.namespace, name)
        names = [p.get("name", "") for p in (service.get("spec") or {}).get("ports") or () if p.get("port") == int(port)]
        if not names:
            raise ServiceUnavailable(f'no service port {port} found for service "{name}"')
        port = names[0]
    endpoints = await get(registry, _ENDPOINTS, target.namespace, name)
    subsets = endpoints.get("subsets") or []
    if not subsets:
        raise ServiceUnavailable(f'no endpoints available for service "{name}"')
    places = [place for subset in subsets for place in _places(subset, port, target.namespace)]
    for place in [*places[turn % len(places) :], *places[: turn % len(places)]] if places else ():
        try:
            return await get(registry, PODS, target.namespace, place[0]), place[1]
        except NotFound:
            continue
    raise ServiceUnavailable(f'no endpoints available for service "{target.name}"')


def _places(subset: Obj, port: str, namespace: str) -> list[tuple[str, str]]:
    """Each pod that is ready, by its name, and the number of that port there."""
    numbers = [str(p["port"]) for p in subset.get("ports") or () if p.get("name", "") == port]
    refs = [address.get("targetRef") or {} for address in subset.get("addresses") or () if numbers]
    return [(ref["name"], numbers[0]) for ref in refs if ref.get("kind") == "Pod" and ref.get("namespace") == namespace]
