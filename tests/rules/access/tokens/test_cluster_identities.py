"""Token Secrets and certificate signing requests on a whole cluster: what its controllers do about them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wherry import Cluster
from wherry.api.errors import Forbidden, Invalid, NotFound
from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.api.resources import resource
from wherry.client.local import LocalClient
from wherry.cluster.certificates import make_ca
from wherry.registry.tokens.issuer import Issuer

SECRETS, ACCOUNTS = resource("secrets"), resource("serviceaccounts")
REQUESTS = resource("certificatesigningrequests", "certificates.k8s.io")
CLIENT, KUBELET = "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet"


def on_cluster(play: Callable[[Cluster], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Cluster(nodes=0, test_mode=True) as cluster:
            await play(cluster)

    asyncio.run(main())


async def until(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The first true answer."""
    async with asyncio.timeout(20):
        while not (found := await ask()):  # noqa: ASYNC110 (a test looks from outside)
            await asyncio.sleep(0.01)
    return found


def csr(name: str, *organizations: str) -> str:
    subject = [*(x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in organizations), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    made = built.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


async def request(client: Any, name: str, content: str, signer: str = CLIENT, usages: tuple[str, ...] = ("client auth",)) -> Obj:
    spec = {"request": content, "signerName": signer, "usages": list(usages), "username": "forged"}
    found: Obj = await client.create(REQUESTS, "", {"metadata": {"name": name}, "spec": spec})
    return found


async def decide(client: Any, name: str, decision: str = "Approved") -> None:
    found = await client.get(REQUESTS, "", name)
    condition = {"type": decision, "status": "True", "reason": "Test", "message": ""}
    await client.update(REQUESTS, {**found, "status": {"conditions": [condition]}}, subresource="approval")


def test_a_token_secret_is_filled_and_goes_with_its_account() -> None:
    async def play(cluster: Cluster) -> None:
        client = cluster.aclient
        await client.create(ACCOUNTS, "default", {"metadata": {"name": "build"}})
        for name, account in (("mine", "build"), ("lost", "nobody")):
            meta = {"name": name, "annotations": {"kubernetes.io/service-account.name": account}}
            await client.create(SECRETS, "default", {"metadata": meta, "type": "kubernetes.io/service-account-token"})

        async def filled() -> Obj | None:
            found = await client.get(SECRETS, "default", "mine")
            return found if found.get("data") else None

        found = await until(filled)
        assert set(found["data"]) == {"ca.crt", "namespace", "token"}
        token = base64.b64decode(found["data"]["token"]).decode()
        assert cluster.registry.issuer.check(token)["kubernetes.io/serviceaccount/secret.name"] == "mine"
        await until(lambda: _gone(client, "lost"))
        await client.delete(ACCOUNTS, "default", "build")
        await until(lambda: _gone(client, "mine"))

    on_cluster(play)


async def _gone(client: Any, name: str) -> bool:
    try:
        await client.get(SECRETS, "default", name)
    except NotFound:
        return True
    return False


def test_an_approved_request_is_signed_by_the_clusters_ca() -> None:
    async def play(cluster: Cluster) -> None:
        client = cluster.aclient
        made = await request(client, "ann", csr("ann", "devs"))
        assert (made["spec"]["username"], made["spec"]["groups"]) == ("admin", ["system:masters", "system:authenticated"])
        await decide(client, "ann")
        pem = await until(lambda: _certificate(client, "ann"))
        certificate = x509.load_pem_x509_certificate(base64.b64decode(pem))
        assert cluster.pki is not None
        ca = x509.load_pem_x509_certificate(cluster.pki.ca_pem.encode())
        certificate.verify_directly_issued_by(ca)
        assert certificate.subject.rfc4514_string() == "CN=ann,O=devs"
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert 364 <= (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days <= 365

    on_cluster(play)


async def _certificate(client: Any, name: str) -> str:
    found: str = ((await client.get(REQUESTS, "", name)).get("status") or {}).get("certificate", "")
    return found


async def _failure(client: Any, name: str) -> str:
    conditions = ((await client.get(REQUESTS, "", name)).get("status") or {}).get("conditions") or ()
    return next((c["message"] for c in conditions if c["type"] == "Failed"), "")


def test_a_request_that_its_signer_refuses_fails_and_a_denied_one_is_left() -> None:
    async def play(cluster: Cluster) -> None:
        client = cluster.aclient
        await request(client, "wrong", csr("ann"), usages=("server auth",))
        await request(client, "denied", csr("ann"))
        await decide(client, "denied", "Denied")
        await decide(client, "wrong")
        assert await until(lambda: _failure(client, "wrong")) == "invalid usage for client certificate: server auth"
        assert not await _certificate(client, "denied")

    on_cluster(play)


def test_who_may_not_approve_or_sign_is_refused() -> None:
    async def play(cluster: Cluster) -> None:
        await request(cluster.aclient, "ann", csr("ann"))
        bob = LocalClient(cluster.registry, user=User("bob", groups=("system:authenticated",)), manager="tests")
        with pytest.raises(Forbidden, match=f'user not permitted to approve requests with signerName "{CLIENT}"'):
            await decide(bob, "ann")
        found = await cluster.aclient.get(REQUESTS, "", "ann")
        signed = {**found, "status": {"certificate": base64.b64encode(make_ca()[0]).decode()}}
        with pytest.raises(Forbidden, match="user not permitted to sign requests"):
            await bob.update(REQUESTS, signed, subresource="status")
        with pytest.raises(Forbidden, match="signer with system:masters group is not allowed"):
            await request(cluster.aclient, "root", csr("eve", "system:masters"))
        with pytest.raises(Invalid):
            await request(cluster.aclient, "bad", base64.b64encode(b"-----BEGIN CERTIFICATE REQUEST-----\n").decode())

    on_cluster(play)


def test_a_node_that_may_gets_its_certificate_without_anybody() -> None:
    async def play(cluster: Cluster) -> None:
        role = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"
        group = {"kind": "Group", "name": "system:bootstrappers", "apiGroup": "rbac.authorization.k8s.io"}
        ref = {"kind": "ClusterRole", "name": role, "apiGroup": "rbac.authorization.k8s.io"}
        bindings = resource("clusterrolebindings", "rbac.authorization.k8s.io")
        await cluster.aclient.create(bindings, "", {"metadata": {"name": "boot"}, "roleRef": ref, "subjects": [group]})
        boot = LocalClient(cluster.registry, user=User("system:bootstrap:abcdef", groups=("system:bootstrappers",)), manager="kubelet")
        usages = ("client auth", "digital signature")
        await request(boot, "n1", csr("system:node:n1", "system:nodes"), KUBELET, usages)
        assert await until(lambda: _certificate(cluster.aclient, "n1"))
        found = await cluster.aclient.get(REQUESTS, "", "n1")
        assert found["status"]["conditions"][0]["message"] == "Auto approving kubelet client certificate after SubjectAccessReview."

    on_cluster(play)


def test_without_a_directory_a_key_is_made_all_the_same() -> None:
    issuer = Issuer()
    assert issuer.check(issuer.sign({"iss": issuer.url}))["iss"] == issuer.url
