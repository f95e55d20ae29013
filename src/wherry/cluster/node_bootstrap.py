"""A node's own credentials, got with a bootstrap token: a key, a request for a certificate, and the kubeconfig that holds what came of it.

Called by `wherry node --bootstrap-kubeconfig` when the kubeconfig is not there yet. The request is the kubelet's, so it is approved by
itself where bootstrappers may (`system:certificates.k8s.io:certificatesigningrequests:nodeclient`), else by a person.
Source: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.access import Access
from wherry.client.http import HttpClient
from wherry.cluster import kubeconfig

_REQUESTS = resource("certificatesigningrequests", "certificates.k8s.io")
_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
_LOOK = 0.5


class Denied(ValueError):
    """str() is what the API server's people said."""


async def run(access: Access, node: str, path: Path, say: Callable[[str], None]) -> None:
    """Writes the kubeconfig of `system:node:NAME`. Raises Denied, StatusError, OSError."""
    key = ec.generate_private_key(ec.SECP256R1())
    async with HttpClient(access, manager="kubelet") as client:
        called = f"node-csr-{secrets.token_hex(8)}"
        request, usages = base64.b64encode(_request(node, key)).decode(), ["digital signature", "client auth"]
        spec = {"request": request, "signerName": _SIGNER, "usages": usages}
        await client.create(_REQUESTS, "", {"metadata": {"name": called}, "spec": spec})
        say(f"the certificate of node {node} is asked for ({called})")
        certificate = await _signed(client, called)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    kubeconfig.write(path, kubeconfig.build(access.server, _authority(access), certificate=certificate, key=pem))


def _authority(access: Access) -> str:
    return (access.ca_data or (Path(access.ca_file).read_bytes() if access.ca_file else b"")).decode()


def _request(node: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"), x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}"),
    ])  # fmt: skip
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


async def _signed(client: HttpClient, called: str) -> bytes:
    while True:
        status = (await client.get(_REQUESTS, "", called)).get("status") or {}
        if status.get("certificate"):
            return base64.b64decode(status["certificate"])
        for condition in status.get("conditions") or ():
            if condition["type"] in ("Denied", "Failed"):
                raise Denied(f"the certificate was refused: {_said(condition)}")
        await asyncio.sleep(_LOOK)


def _said(condition: Obj) -> str:
    return str(condition.get("message") or condition.get("reason") or condition["type"])
