"""Clients of this process on the network of pods: webhooks and proxies reach programs in pods."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.errors import StatusError
from wherry.api.resources import resource
from wherry.cluster import certificates

pytestmark = pytest.mark.real_nodes

Get = Callable[[str], Awaitable[tuple[int, str]]]
CONFIG_MAPS = resource("configmaps")

_HOOK = """
import http.server, json, os, ssl
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = {"uid": review["request"]["uid"], "allowed": False, "status": {"message": "says " + os.uname().nodename}}
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": said}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("", 8443), Hook)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("/pki/crt", "/pki/key")
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
_NAMED = """
import socket, sys
s = socket.create_server((sys.argv[1], 8080))
while True:
    c, _ = s.accept(); c.recv(9999); name = socket.gethostname().encode()
    c.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(name), name)); c.close()
"""


def play(story: Callable[[World, Get], Awaitable[None]]) -> None:
    async def whole() -> None:
        options: Any = {"image_table": ("*=host",), "insecure_port": 0}
        async with Cluster(runtime="process", nodes=1, **options) as made, aiohttp.ClientSession() as session:

            async def get(path: str) -> tuple[int, str]:
                async with session.get(f"http://127.0.0.1:{made.insecure_port}{path}") as answer:
                    return answer.status, await answer.text()

            await asyncio.wait_for(story(World(made, "process"), get), 50)

    asyncio.run(whole())


def _pki(folder: Path) -> str:
    """A certificate of the Service `web` and its key, for pods to read; the bundle that trusts it."""
    authority = certificates.Authority(*certificates.make_ca())
    made = certificates.issue(authority, "hook", organizations=(), hosts=("web.default.svc",), days=1)
    for file, content in zip(("crt", "key"), made, strict=True):
        (folder / file).write_bytes(content)
        (folder / file).chmod(0o644)
    folder.chmod(0o755)
    return base64.b64encode(authority.certificate).decode()


async def _server(world: World, name: str, program: str, port: int, *words: str, pki: Path = Path("/tmp")) -> None:
    """A pod of the Service `web`."""
    container = {"name": "c", "image": "x:1", "command": ["python3", "-c", program, *words], "workingDir": "/tmp",
                 "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
                 "volumeMounts": [{"name": "pki", "mountPath": "/pki"}]}  # fmt: skip
    meta = {"name": name, "namespace": "default", "labels": {"app": "web"}}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container], "volumes": [{"name": "pki", "hostPath": {"path": str(pki)}}]}
    await world.client.create(resource("pods"), "default", {"metadata": meta, "spec": spec})


async def _hook(world: World, bundle: str) -> None:
    """The Service `web` decides about ConfigMaps."""
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    hook = {"name": "a.hooks.example", "sideEffects": "None", "admissionReviewVersions": ["v1"], "rules": [rule],
            "clientConfig": {"caBundle": bundle, "service": {"namespace": "default", "name": "web"}}}  # fmt: skip
    configurations = resource("validatingwebhookconfigurations", "admissionregistration.k8s.io")
    await world.client.create(configurations, "", {"metadata": {"name": "h"}, "webhooks": [hook]})


async def _service(world: World, port: int, target: int, endpoints: int) -> None:
    await world.create("services", "web", spec={"selector": {"app": "web"}, "ports": [{"port": port, "targetPort": target}]})

    async def there() -> bool:
        slices = (await world.client.list(resource("endpointslices", "discovery.k8s.io"), "default")).items
        every = [e for s in slices if "web" in s["metadata"]["name"] for e in s.get("endpoints") or ()]
        return len([e for e in every if e["conditions"]["ready"]]) == endpoints

    await world.eventually(there)


async def _refusal(world: World) -> str:
    try:
        await world.client.create(CONFIG_MAPS, "default", {"metadata": {"generateName": "m-", "namespace": "default"}})
    except StatusError as error:
        return str(error)
    return ""


def test_a_webhook_is_a_pod_behind_a_service_and_every_endpoint_gets_its_turn(tmp_path: Path) -> None:
    bundle = _pki(tmp_path)

    async def story(world: World, get: Get) -> None:
        for name in ("one", "two"):
            await _server(world, name, _HOOK, 8443, pki=tmp_path)
        await _service(world, 443, 8443, 2)
        await _hook(world, bundle)
        said = {await _refusal(world), await _refusal(world)}
        assert said == {f'admission webhook "a.hooks.example" denied the request: says {name}' for name in ("one", "two")}

    play(story)


def test_a_webhook_whose_endpoint_is_gone_is_asked_at_the_next_one(tmp_path: Path) -> None:
    """The address of an endpoint that nobody listens at refuses; the write is decided by the other."""
    bundle = _pki(tmp_path)

    async def story(world: World, get: Get) -> None:
        await _server(world, "one", _HOOK, 8443, pki=tmp_path)
        await world.pod("dead", "sleep 1000")
        await world.ready("dead")
        await world.ready("one")
        addresses = [(await world.get(name))["status"]["podIP"] for name in ("dead", "one")]
        await world.create("services", "web", spec={"ports": [{"port": 443, "targetPort": 8443}]})
        meta = {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}}
        await world.client.create(resource("endpointslices", "discovery.k8s.io"), "default", {
            "metadata": meta, "addressType": "IPv4", "ports": [{"name": "", "port": 8443, "protocol": "TCP"}],
            "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]})  # fmt: skip
        await _hook(world, bundle)
        said = [await _refusal(world) for _ in range(4)]
        assert said == ['admission webhook "a.hooks.example" denied the request: says one'] * 4

    play(story)


def test_the_proxy_of_a_service_goes_to_its_pods_by_turns() -> None:
    async def story(world: World, get: Get) -> None:
        for name in ("one", "two"):
            await _server(world, name, _NAMED, 8080, "0.0.0.0")
        await _service(world, 80, 8080, 2)
        said = [await get("/api/v1/namespaces/default/services/web:80/proxy/x") for _ in range(4)]
        assert sorted(said) == [(200, "one"), (200, "one"), (200, "two"), (200, "two")]

    play(story)


def test_a_proxy_comes_to_a_pods_address_and_not_to_its_loopback() -> None:
    async def story(world: World, get: Get) -> None:
        await world.pod("p", "", container={"command": ["python3", "-c", _NAMED, "127.0.0.1"], "workingDir": "/tmp"})
        await world.ready("p")
        status, said = await get("/api/v1/namespaces/default/pods/p:8080/proxy/")
        address = (await world.get("p"))["status"]["podIP"]
        assert status == 503
        assert f"error trying to reach service: dial tcp {address}:8080: connect: connection refused" in said

    play(story)
