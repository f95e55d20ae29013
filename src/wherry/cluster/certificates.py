"""Makes certificates: a CA's own, and those it signs for servers and clients. Called by `pki` only, which keeps the files.

Imported only when something must be made: the library takes a good part of a start.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wherry.cluster.certificate_child import Made

CA_YEARS = 10
#: the order of the group of P-256 (SP 800-186)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SEEDED_VALIDITY = (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC))


class Authority(NamedTuple):
    """A CA's certificate and key, PEM."""

    certificate: bytes
    key: bytes


def make_all(hosts: list[str], days: int) -> Made:
    """A new CA, and a server's certificate signed by it."""
    ca, ca_key = make_ca()
    return Made(ca, ca_key, *issue(Authority(ca, ca_key), "kube-apiserver", organizations=(), hosts=tuple(hosts), days=days))


def issue(
    authority: Authority, common_name: str, *, organizations: tuple[str, ...], hosts: tuple[str, ...], days: int
) -> tuple[bytes, bytes]:
    """A certificate signed by the CA, and its key, as PEM. With `hosts` for a server, without for a client."""
    ca = x509.load_pem_x509_certificate(authority.certificate)
    ca_key = serialization.load_pem_private_key(authority.key, None)
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


def make_ca(seed: int | None = None) -> tuple[bytes, bytes]:
    """A new CA's certificate and key, as PEM. With a seed always the same ones, which anybody can make: good for tests only."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wherry-ca")])
    if seed is None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, name, key, CA_YEARS * 365)
    else:
        number = int.from_bytes(hashlib.sha256(f"wherry test CA {seed}".encode()).digest(), "big")
        key = ec.derive_private_key(number % (_ORDER - 1) + 1, ec.SECP256R1())
        builder = x509.CertificateBuilder(name, name, key.public_key(), number >> 128, *_SEEDED_VALIDITY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    builder = builder.add_extension(_key_usage(sign_certificates=True), True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(serialization.Encoding.PEM), _key_pem(key)


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


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
