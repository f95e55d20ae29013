"""Who asks: bearer tokens and client certificates, turned into a `User`.

Called once per request. An `Authenticator` gives a User, or None for credentials it does not know; what happens without any is the
server's business. Tokens are compared by their hashes, so that the time a comparison takes tells nothing about them.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from wherry.api.options import User

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = User("system:anonymous", groups=(UNAUTHENTICATED,))


class Certificate(NamedTuple):
    """The subject of a client certificate that the TLS layer verified against the cluster's CA."""

    common_name: str
    organizations: tuple[str, ...] = ()


class Credentials(NamedTuple):
    token: str = ""
    certificate: Certificate | None = None


class Authenticator(Protocol):
    def authenticate(self, credentials: Credentials) -> User | None:
        """The user that the credentials prove, None when they prove nothing."""
        ...


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


class Tokens:
    """A table of tokens, given when the server starts."""

    def __init__(self, table: Mapping[str, User]) -> None:
        self._users = {_digest(token): (_digest(token), user) for token, user in table.items() if token}

    def authenticate(self, credentials: Credentials) -> User | None:
        if not credentials.token:
            return None
        digest = _digest(credentials.token)
        found = self._users.get(digest)
        return found[1] if found is not None and hmac.compare_digest(found[0], digest) else None


class Certificates:
    """Client certificates: the common name is the user, organizations are groups."""

    def authenticate(self, credentials: Credentials) -> User | None:
        certificate = credentials.certificate
        if certificate is None or not certificate.common_name:
            return None
        return User(certificate.common_name, groups=(*certificate.organizations, AUTHENTICATED))


class FirstOf:
    """The first authenticator that knows the credentials."""

    def __init__(self, authenticators: Iterable[Authenticator]) -> None:
        self._authenticators = tuple(authenticators)

    def authenticate(self, credentials: Credentials) -> User | None:
        for authenticator in self._authenticators:
            user = authenticator.authenticate(credentials)
            if user is not None:
                return user
        return None


def bearer(authorization: str) -> str:
    """The token of an Authorization header, "" when it has none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def certificate(peer: Mapping[str, Any] | None) -> Certificate | None:
    """The subject of what `ssl.SSLSocket.getpeercert` gives."""
    if not peer:
        return None
    names: list[str] = []
    organizations: list[str] = []
    for part in peer.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                names.append(value)
            elif key == "organizationName":
                organizations.append(value)
    return Certificate(names[-1] if names else "", tuple(organizations))
