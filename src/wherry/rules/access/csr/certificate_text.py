"""What may stand in the status of a CertificateSigningRequest as its certificate: PEM blocks of certificates, and nothing else.

Called by the strategy of CertificateSigningRequests. Text around the blocks is not looked at.
Source: pkg/apis/certificates/validation validateCertificate.
"""

from __future__ import annotations

import base64
import binascii
import re

_BLOCK = re.compile(rb"-----BEGIN ([^\n]*?)-----[ \t\r]*\n(.*?)-----END \1-----", re.DOTALL)
_HEADER = re.compile(rb"^[^\n:]+:[^\n]*\n", re.MULTILINE)


def fault(pem: bytes) -> str:
    """What is wrong with it; "" for none, and for nothing at all."""
    if not pem:
        return ""
    blocks = _BLOCK.findall(pem)
    for kind, body in blocks:
        if kind != b"CERTIFICATE":
            return f'only CERTIFICATE PEM blocks are allowed, found "{kind.decode(errors="replace")}"'
        if _HEADER.search(body):
            return "no PEM block headers are permitted"
        if why := _der_fault(body):
            return why
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"


def _der_fault(body: bytes) -> str:
    from cryptography import x509

    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        return "must contain at least one CERTIFICATE PEM block"
    if not der:
        return "found CERTIFICATE PEM block containing 0 certificates"
    try:
        x509.load_der_x509_certificate(der)
    except ValueError:
        return "x509: malformed certificate"
    return ""
