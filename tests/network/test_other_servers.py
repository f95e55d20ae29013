"""An API server that runs in a pod: its kinds are served by the cluster as the APIService says, and no longer once the pod is gone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.network.test_inside import _pki, _server, _service
from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.resources import resource

pytestmark = pytest.mark.real_nodes

API_SERVICES = resource("apiservices", "apiregistration.k8s.io")
#: it believes whoever the ConfigMap of extension servers says, and nobody else
_SERVER = """
import http.server, json, ssl
class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        sender = dict(part[0] for part in self.connection.getpeercert()["subject"])["commonName"]
        if self.path == "/apis/zz.test/v1":
            said = {"kind": "APIResourceList", "groupVersion": "zz.test/v1", "resources": [
                {"name": "things", "singularName": "thing", "namespaced": True, "kind": "Thing", "verbs": ["get", "list"]}]}
        else:
            said = {"kind": "Thing", "user": self.headers["X-Remote-User"], "sender": sender}
        body = json.dumps(said).encode()
        self.send_response(200); self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("", 8443), Api)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("/pki/crt", "/pki/key")
tls.load_verify_locations("/pki/front-ca")
tls.verify_mode = ssl.CERT_REQUIRED
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def test_its_requests_come_as_the_user_who_asks(tmp_path: Path) -> None:
    async def story(cluster: Cluster, session: aiohttp.ClientSession) -> None:
        world, at = World(cluster, "process"), f"http://127.0.0.1:{cluster.insecure_port}"
        trust = await cluster.client.get(resource("configmaps"), "kube-system", "extension-apiserver-authentication")
        bundle = _pki(tmp_path)
        (tmp_path / "front-ca").write_text(trust["data"]["requestheader-client-ca-file"])
        (tmp_path / "front-ca").chmod(0o644)
        await _server(world, "one", _SERVER, 8443, pki=tmp_path)
        await _service(world, 443, 8443, 1)
        spec = {"group": "zz.test", "version": "v1", "groupPriorityMinimum": 10, "versionPriority": 10, "caBundle": bundle,
                "service": {"name": "web", "namespace": "default"}}  # fmt: skip
        await cluster.client.create(API_SERVICES, "", {"metadata": {"name": "v1.zz.test"}, "spec": spec})

        async def available(wanted: str) -> None:
            async def there() -> bool:
                found = (await cluster.client.get(API_SERVICES, "", "v1.zz.test")).get("status") or {}
                return any(c["type"] == "Available" and c["status"] == wanted for c in found.get("conditions") or ())

            await world.eventually(there)

        await available("True")
        async with session.get(f"{at}/apis/zz.test/v1/namespaces/default/things/x") as answer:
            said = json.loads(await answer.text())
        assert said["sender"] in json.loads(trust["data"]["requestheader-allowed-names"])
        assert said["user"] == "system:unsecured"
        async with session.get(f"{at}/apis") as answer:
            assert "zz.test" in [group["name"] for group in (await answer.json())["groups"]]
        await world.gone("one")
        await available("False")
        async with session.get(f"{at}/apis/zz.test/v1/namespaces/default/things/x") as answer:
            assert (answer.status, await answer.text()) == (503, "service unavailable\n")

    async def whole() -> None:
        options: Any = {"image_table": ("*=host",), "insecure_port": 0}
        async with Cluster(runtime="process", nodes=1, **options) as cluster, aiohttp.ClientSession() as session:
            await asyncio.wait_for(story(cluster, session), 50)

    asyncio.run(whole())
