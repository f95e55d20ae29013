"""A webhook server on loopback, HTTPS with a CA of its own, whose answers a test decides."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wherry.client.webhooks import WebhookCaller

Body = dict[str, Any]
#: the request part of a review -> the response part, without its uid
Answering = Callable[[Body], Body]


@lru_cache(maxsize=1)
def certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate for 127.0.0.1 and the Service `hook` in `a`, and its key; PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook")])
    now = datetime.now(UTC)
    names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("hook.a.svc")]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), private


def server_context() -> ssl.SSLContext:
    """For a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as directory:
        files = [Path(directory, name) for name in ("cert.pem", "key.pem")]
        for file, content in zip(files, certificate(), strict=True):
            file.write_bytes(content)
        context.load_cert_chain(*files)
    return context


def bundle() -> str:
    return base64.b64encode(certificate()[0]).decode()


@dataclass
class HookServer:
    port: int
    caller: WebhookCaller
    asked: list[Body] = field(default_factory=list)
    answers: dict[str, Answering] = field(default_factory=dict)

    def client(self, path: str) -> Body:
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": bundle()}

    def hook(self, path: str, answer: Answering, **fields: Any) -> Body:
        """A webhook about ConfigMaps, whose answer to a request is `answer`."""
        self.answers[path] = answer
        rule = {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
        return {
            "name": f"{path[1:]}.hooks.example", "clientConfig": self.client(path), "rules": [rule], "sideEffects": "None",
            "admissionReviewVersions": ["v1"], **fields,
        }  # fmt: skip


def patching(*operations: Body) -> Answering:
    patch = base64.b64encode(json.dumps(operations).encode()).decode()
    return lambda request: {"allowed": True, "patchType": "JSONPatch", "patch": patch}


@asynccontextmanager
async def hook_server() -> AsyncIterator[HookServer]:
    made = HookServer(0, WebhookCaller())

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        review = json.loads(await request.read())
        made.asked.append(review)
        answering = made.answers.get(request.path)
        if answering is None:
            return web.Response(status=404)
        response = answering(review["request"])
        if "status_code" in response:
            return web.Response(status=response["status_code"], text="broken")
        answer = {"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": {"uid": review["request"]["uid"], **response}}
        return web.json_response(answer)

    server = web.ServerRunner(web.Server(handle))
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0, ssl_context=server_context())
    await site.start()
    assert site._server is not None
    made.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield made
    finally:
        await made.caller.close()
        await server.cleanup()
