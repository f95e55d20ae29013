"""Reads PKCS#10 requests and signs them with the cluster's CA. Called by the controllers of signing requests.

The library is imported with the first request. Times follow the machine's clock and not the cluster's: certificates are judged by the
clocks of those who are shown them. Source: pkg/controller/certificates/authority.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, NamedTuple

from wherry.rules.access.csr.signers import Subject, Validity

_KEY_USAGES = {
    "signing": "digital_signature", "digital signature": "digital_signature", "content commitment": "content_commitment",
    "key encipherment": "key_encipherment", "key agreement": "key_agreement", "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign", "crl sign": "crl_sign", "encipher only": "encipher_only", "decipher only": "decipher_only",
}  # fmt: skip
_EXTENDED = {
    "any": "2.5.29.37.0", "server auth": "1.3.6.1.5.5.7.3.1", "client auth": "1.3.6.1.5.5.7.3.2", "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4", "s/mime": "1.3.6.1.5.5.7.3.4", "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6", "ipsec user": "1.3.6.1.5.5.7.3.7", "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9", "microsoft sgc": "1.3.6.1.4.1.311.10.3.3", "netscape sgc": "2.16.840.1.113730.4.1",
}  # fmt: skip


class Authority(NamedTuple):
    """The CA's certificate and key, PEM."""

    certificate: bytes
    key: bytes


def subject(pem: bytes) -> Subject:
    """What a request says. Raises ValueError for what is no request."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    request = x509.load_pem_x509_csr(pem)
    names = {
        oid: tuple(str(a.value) for a in request.subject.get_attributes_for_oid(oid))
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    }
    try:
        others: Any = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        others = x509.SubjectAlternativeName([])
    kinds = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier)
    dns, addresses, emails, uris = (tuple(map(str, others.get_values_for_type(kind))) for kind in kinds)
    common = names[NameOID.COMMON_NAME]
    return Subject(common[-1] if common else "", names[NameOID.ORGANIZATION_NAME], dns, addresses, emails, uris)


def sign(authority: Authority, pem: bytes, usages: Iterable[str], validity: Validity) -> bytes:
    """The certificate, as PEM. Raises ValueError for a request that is not signed by its own key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    ca = x509.load_pem_x509_certificate(authority.certificate)
    key: Any = serialization.load_pem_private_key(authority.key, None)
    request = x509.load_pem_x509_csr(pem)
    if not request.is_signature_valid:
        raise ValueError("the signature of the request is not valid")
    now = datetime.datetime.now(datetime.UTC)
    begins, ends = (now + datetime.timedelta(seconds=s) for s in validity)
    if now >= ca.not_valid_after_utc:
        raise ValueError("the cluster's CA has expired")
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(ca.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(min(ends, ca.not_valid_after_utc))
    )
    for extension, critical in _extensions(x509, request, ca, set(usages)):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _extensions(x509: Any, request: Any, ca: Any, usages: set[str]) -> Iterable[tuple[Any, bool]]:
    flags = dict.fromkeys(_KEY_USAGES.values(), False) | {_KEY_USAGES[u]: True for u in usages if u in _KEY_USAGES}
    if not flags["key_agreement"]:
        flags |= {"encipher_only": False, "decipher_only": False}  # they mean nothing without it
    if any(flags.values()):
        yield x509.KeyUsage(**flags), True
    extended = sorted({_EXTENDED[u] for u in usages if u in _EXTENDED})
    if extended:
        yield x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in extended]), False
    yield x509.BasicConstraints(ca=False, path_length=None), True
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), False
    for found in request.extensions:
        if isinstance(found.value, x509.SubjectAlternativeName):
            yield found.value, found.critical
