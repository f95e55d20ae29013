"""An `Access` to an SSL context: the server's CA, or none at all, and the client's certificate.

Called by `transport` once per client, and again when a plug-in hands out another certificate. Keys that are only in memory touch the disk
for a moment in a file that only this user can read, because the ssl module reads keys from files alone.
"""

from __future__ import annotations

import os
import ssl
import tempfile

from wherry.client.access import Access, ConfigError


def context(access: Access, pair: tuple[bytes, bytes] = (b"", b"")) -> ssl.SSLContext:
    """`pair`: certificate and key of a plug-in, used when the kubeconfig has none. Raises ConfigError."""
    made = _trusting(access)
    certificate, key = access.certificate_data, access.key_data
    try:
        if access.certificate_file and not certificate and not key:
            made.load_cert_chain(access.certificate_file, access.key_file or None)
        elif certificate or access.certificate_file:
            _load(made, certificate or _bytes(access.certificate_file), key or (_bytes(access.key_file) if access.key_file else b""))
        elif pair[0]:
            _load(made, *pair)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"unable to load the client certificate: {_reason(error)}") from None
    return made


def _trusting(access: Access) -> ssl.SSLContext:
    if access.insecure:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        return made
    try:
        if access.ca_data:
            return ssl.create_default_context(cadata=access.ca_data.decode())
        return ssl.create_default_context(cafile=access.ca_file or None)
    except (OSError, ValueError) as error:
        raise ConfigError(f"unable to load root certificates: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    if isinstance(error, OSError) and error.filename:
        return f"open {error.filename}: {(error.strerror or '').lower()}"
    return str(error)


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _load(made: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    descriptor, path = tempfile.mkstemp(prefix="wherry-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate.rstrip() + b"\n" + key)
        made.load_cert_chain(path)
    finally:
        os.unlink(path)
