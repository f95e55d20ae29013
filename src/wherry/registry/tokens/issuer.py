"""Signs and checks JSON Web Tokens with the cluster's key, and publishes the public half.

Used by the `token` subresource and the controller of token Secrets (sign), by the server (check, JWKS, OIDC discovery). The key is an EC
P-256 key in `sa.key` of the cluster's `pki` directory; it is made, and the libraries are imported, when the first token is asked for.
Without a directory it lives as long as the process.
Source: RFC 7515, 7517, 7519, by PyJWT; pkg/serviceaccount/jwt.go (key ids), openidmetadata.go.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from wherry.kit.files import replace
from wherry.rules.access.tokens.claims import LEGACY_ISSUER

ISSUER = "https://kubernetes.default.svc.cluster.local"
FILE = "sa.key"
_ALGORITHM = "ES256"


class NotOurs(Exception):
    """No token of this issuer: not a JWT at all, or somebody else's."""


class BadSignature(Exception):
    """A token that names this issuer, but was not signed by it."""


class Issuer:
    """`audiences`: the names under which this API server is meant."""

    def __init__(self, url: str = ISSUER) -> None:
        self.url = url
        self.audiences = (url,)
        self._directory: Path | None = None
        self._key: Any = None
        self._id = ""

    def keep_in(self, directory: Path) -> None:
        """Where the key is, or will be."""
        self._directory = directory

    def sign(self, claims: dict[str, Any]) -> str:
        import jwt

        return jwt.encode(claims, self._private(), algorithm=_ALGORITHM, headers={"kid": self._id, "typ": None})

    def check(self, token: str) -> dict[str, Any]:
        """The claims of a token of ours; their times are not looked at. Raises NotOurs, BadSignature."""
        if token.count(".") != 2:
            raise NotOurs
        import jwt

        options: Any = {"verify_signature": False}
        try:
            unchecked = jwt.decode(token, options=options)
        except jwt.InvalidTokenError as error:
            raise NotOurs from error
        if unchecked.get("iss") not in (self.url, LEGACY_ISSUER):
            raise NotOurs
        only_signature: Any = {f"verify_{what}": False for what in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
        try:
            found: dict[str, Any] = jwt.decode(token, self._private().public_key(), algorithms=[_ALGORITHM], options=only_signature)
        except jwt.InvalidTokenError as error:
            raise BadSignature from error
        return found

    def jwks(self) -> dict[str, Any]:
        """The public key, as a JSON Web Key Set."""
        numbers = self._private().public_key().public_numbers()
        x, y = (_base64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"keys": [{"use": "sig", "kty": "EC", "kid": self._id, "crv": "P-256", "alg": _ALGORITHM, "x": x, "y": y}]}

    def discovery(self, jwks_url: str) -> dict[str, Any]:
        """The OpenID provider's metadata."""
        return {
            "issuer": self.url,
            "jwks_uri": jwks_url,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
        }

    def _private(self) -> Any:
        if self._key is None:
            from cryptography.hazmat.primitives import serialization as s

            self._key = s.load_pem_private_key(self._pem(), None)
            der = self._key.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
            self._id = _base64(hashlib.sha256(der).digest())
        return self._key

    def _pem(self) -> bytes:
        if self._directory is None:
            return _new_key()
        make(self._directory)
        return (self._directory / FILE).read_bytes()


def make(directory: Path) -> None:
    """The key, where there is none yet."""
    if not (directory / FILE).exists():
        replace(directory / FILE, _new_key())


def _new_key() -> bytes:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
