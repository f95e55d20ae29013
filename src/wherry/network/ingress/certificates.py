"""The certificates of the ingress controller: for each host of TLS the one of its Secret, for all others one of its own.

Made by `controller`, which tells it the Secrets as they are now; the client's words in the handshake (SNI) choose. A Secret that is not
there or holds no certificate is a fault of its Ingress, and its hosts get the controller's own certificate meanwhile. Contexts are kept by
the Secret's version: what did not change is not read again.
Source: https://kubernetes.io/docs/concepts/services-networking/ingress/#tls (tls.crt, tls.key); RFC 6066 section 3.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from collections.abc import Callable, Mapping

from wherry.api.objects import Obj, uid, version
from wherry.rules.networking.ingress.matching import by_host
from wherry.rules.networking.ingress.table import Fault, Secret

_CERTIFICATE, _KEY = "tls.crt", "tls.key"


class Certificates:
    """`own`: certificate and key, PEM, of the controller itself."""

    def __init__(self, own: tuple[bytes, bytes]) -> None:
        #: for the listener: each handshake goes on with the context of its host
        self.context = _context(*own)
        self.context.sni_callback = self._choose
        self._own = _context(*own)
        self._by_host: dict[str, ssl.SSLContext] = {}
        self._made: dict[tuple[str, int], ssl.SSLContext | str] = {}

    def update(self, wanted: Mapping[str, Secret], get: Callable[[str], Obj | None]) -> list[Fault]:
        """`wanted`: by host. `get`: the Secret of a key."""
        made: dict[tuple[str, int], ssl.SSLContext | str] = {}
        by_host: dict[str, ssl.SSLContext] = {}
        faults: dict[Secret, Fault] = {}
        for host, secret in wanted.items():
            found = self._of(get(secret.key), made)
            if isinstance(found, str):
                said = f"secret {secret.key} {found}; TLS is served with a certificate of the controller's own"
                faults[secret] = Fault(secret.ingress, "BadCertificate", said)
            else:
                by_host[host] = found
        self._made, self._by_host = made, by_host
        return list(faults.values())

    def _of(self, secret: Obj | None, made: dict[tuple[str, int], ssl.SSLContext | str]) -> ssl.SSLContext | str:
        """Its context, or why there is none."""
        if secret is None:
            return "is not there"
        at = uid(secret), version(secret)
        if at not in made:
            made[at] = self._made[at] if at in self._made else _read(secret)
        return made[at]

    def _choose(self, connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
        connection.context = by_host(self._by_host, (host or "").lower()) or self._own


def _read(secret: Obj) -> ssl.SSLContext | str:
    data = secret.get("data") or {}
    parts = []
    for name in (_CERTIFICATE, _KEY):
        try:
            parts.append(base64.b64decode(data[name], validate=True))
        except (KeyError, binascii.Error):
            return f"has no {name}"
    try:
        return _context(*parts)
    except (ssl.SSLError, ValueError) as error:
        return f"holds no certificate with its key: {getattr(error, 'reason', None) or error}"


def _context(certificate: bytes, key: bytes) -> ssl.SSLContext:
    """Raises ssl.SSLError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    # Python reads them from files only; this one is its owner's alone, and gone in a moment
    with tempfile.NamedTemporaryFile(prefix="wherry-", suffix=".pem") as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        made.load_cert_chain(file.name, password=lambda: b"")
    return made
