"""The cluster's own certificate authority, the server's certificate, and client certificates.

Files live in one directory: ca.crt, ca.key, server.crt, server.key, token (the admin's bearer token). They are made once and kept; the
server's certificate is made anew when it is about to end. Keys are EC P-256 and readable by their owner only.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_YEARS = 10
CERTIFICATE_DAYS = 365
#: a certificate with less than this left is replaced at start
RENEW_DAYS = 30
SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
SERVER_ADDRESSES = ("127.0.0.1", "::1", "10.96.0.1")


@dataclass(frozen=True, slots=True)
class Pki:
    """Paths of the files, and the CA's certificate and the admin's token as they are needed most."""

    directory: Path
    ca_pem: str
    token: str

    @property
    def server_certificate(self) -> Path:
        return self.directory / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.directory / "server.key"

    @property
    def ca_certificate(self) -> Path:
        return self.directory / "ca.crt"


def ensure(directory: Path, host: str) -> Pki:
    """Loads what is in `directory`, makes what is missing. `host` is added to the names the server's certificate is good for."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_path, key_path = directory / "ca.crt", directory / "ca.key"
    if not (ca_path.exists() and key_path.exists()):
        _make_ca(ca_path, key_path)
    token_path = directory / "token"
    if not token_path.exists():
        _write_private(token_path, secrets.token_urlsafe(32).encode())
    if _must_renew(directory / "server.crt", host):
        certificate, key = issue(directory, "kube-apiserver", hosts=(host, *SERVER_NAMES, *SERVER_ADDRESSES))
        _write_private(directory / "server.key", key)
        (directory / "server.crt").write_bytes(certificate)
    return Pki(directory, ca_path.read_text(), token_path.read_text().strip())


def issue(
    directory: Path, common_name: str, *, organizations: tuple[str, ...] = (), hosts: tuple[str, ...] = (), days: int = CERTIFICATE_DAYS
) -> tuple[bytes, bytes]:
    """A certificate signed by the CA in `directory`, and its key, as PEM. With `hosts` for a server, without for a client."""
    ca = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    ca_key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [*(x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in organizations), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )
    usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = _builder(subject, ca.subject, key, days).add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_key_usage(sign_certificates=False), True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_names(hosts)), False)
    certificate = builder.sign(ca_key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def _make_ca(certificate_path: Path, key_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wherry-ca")])
    builder = _builder(name, name, key, CA_YEARS * 365).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    builder = builder.add_extension(_key_usage(sign_certificates=True), True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    _write_private(key_path, _key_pem(key))
    certificate_path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
    # certificates are judged by their clients' clocks, so they follow the machine's time and not the cluster's
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(hosts: tuple[str, ...]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _must_renew(path: Path, host: str) -> bool:
    if not path.exists():
        return True
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    if left < datetime.timedelta(days=RENEW_DAYS):
        return True
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return _names((host,))[0] not in names


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
