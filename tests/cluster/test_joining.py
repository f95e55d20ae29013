"""A machine joins as the reference's do: a bootstrap token, a signed client certificate, a node, a signed serving certificate."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.cluster.addresses import advertised, here

REQUESTS = resource("certificatesigningrequests", "certificates.k8s.io")
TOKEN: Obj = {
    "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
    "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
    "stringData": {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
                   "usage-bootstrap-signing": "true"},
}  # fmt: skip


def binding(name: str, role: str, group: str) -> Obj:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=0, advertise_address="192.0.2.10", certificate_names=["api.example.com"]) as made:
        bootstrappers = "system:bootstrappers"
        made.apply(
            TOKEN, binding("join", "system:node-bootstrapper", bootstrappers),
            binding("approve", "system:certificates.k8s.io:certificatesigningrequests:nodeclient", bootstrappers),
        )  # fmt: skip
        yield made


class Machine:
    """Speaks as a bootstrap token until it has a certificate."""

    def __init__(self, cluster: Cluster, directory: Path, name: str) -> None:
        assert cluster.pki is not None
        self._url, self._directory, self.name = cluster.url, directory, name
        self._token = "abcdef.0123456789abcdef"
        self._context = ssl.create_default_context(cafile=str(cluster.pki.ca_certificate))

    def ask(self, method: str, path: str, body: Obj | None = None) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._token}"} if self._token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, context=self._context, timeout=20) as answer:
            return json.loads(answer.read())

    def request(self, name: str, signer: str, usages: list[str], *names: x509.GeneralName) -> ec.EllipticCurvePrivateKey:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{self.name}"),
        ])  # fmt: skip
        made = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        spec = {"request": base64.b64encode(pem).decode(), "signerName": signer, "usages": usages}
        self.ask("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests",
                 {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name}, "spec": spec})
        return key

    def become(self, certificate: bytes, key: ec.EllipticCurvePrivateKey) -> None:
        form, no = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (self._directory / "pair.pem").write_bytes(certificate + key.private_bytes(serialization.Encoding.PEM, form, no))
        self._context.load_cert_chain(self._directory / "pair.pem")
        self._token = ""


def signed(cluster: Cluster, name: str) -> bytes:
    found = cluster.wait_for(f"certificatesigningrequest/{name}", lambda csr: (csr.get("status") or {}).get("certificate"))
    return base64.b64decode(found["status"]["certificate"])


def test_a_machine_joins_with_a_bootstrap_token(cluster: Cluster, tmp_path: Path) -> None:
    machine = Machine(cluster, tmp_path, "far")
    client = "kubernetes.io/kube-apiserver-client-kubelet"
    key = machine.request("far-client", client, ["digital signature", "client auth"])
    machine.become(signed(cluster, "far-client"), key)
    machine.ask("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "far"}})
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        machine.ask("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "another"}})
    refused.value.close()

    names = (x509.DNSName("far.example.com"),)
    machine.request("far-serving", "kubernetes.io/kubelet-serving", ["digital signature", "server auth"], *names)
    assert "certificate" not in (cluster.client.get(REQUESTS, "", "far-serving").get("status") or {}), "who serves is approved by a person"
    approve(cluster, "far-serving")
    serving = x509.load_pem_x509_certificate(signed(cluster, "far-serving"))
    extension = serving.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert extension.value.get_values_for_type(x509.DNSName) == ["far.example.com"]


def approve(cluster: Cluster, name: str) -> None:
    request = cluster.client.get(REQUESTS, "", name)
    condition = {"type": "Approved", "status": "True", "reason": "Seen", "message": "by the test"}
    cluster.client.update(REQUESTS, {**request, "status": {"conditions": [condition]}}, subresource="approval")


def test_other_machines_are_told_where_the_server_is(cluster: Cluster) -> None:
    endpoints = cluster.client.get(resource("endpoints"), "default", "kubernetes")
    (subset,) = endpoints["subsets"]
    assert (subset["addresses"], subset["ports"][0]["port"]) == ([{"ip": "192.0.2.10"}], cluster.port)
    (endpoint,) = cluster.client.get(resource("endpointslices", "discovery.k8s.io"), "default", "kubernetes")["endpoints"]
    assert endpoint["addresses"] == ["192.0.2.10"]
    pem = ssl.get_server_certificate(("127.0.0.1", cluster.port))
    names = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "192.0.2.10" in map(str, names.get_values_for_type(x509.IPAddress))
    assert "api.example.com" in names.get_values_for_type(x509.DNSName)


def test_a_server_on_loopback_says_nothing_and_takes_back_what_was_said(tmp_path: Path) -> None:
    for address, there in (("192.0.2.10", True), ("", False)):
        with Cluster(nodes=0, data_dir=tmp_path, advertise_address=address) as made:
            names = [item["metadata"]["name"] for item in made.client.list(resource("endpoints")).items]
            assert ("kubernetes" in names) is there


def test_addresses_follow_from_what_is_listened_on() -> None:
    assert (here("127.0.0.1"), here("0.0.0.0"), here("::"), here("192.0.2.7")) == ("127.0.0.1", "127.0.0.1", "::1", "192.0.2.7")
    assert (advertised("127.0.0.1"), advertised("192.0.2.7"), advertised("0.0.0.0", "192.0.2.8")) == ("", "192.0.2.7", "192.0.2.8")
    assert not advertised("0.0.0.0").startswith(("127.", "0."))
