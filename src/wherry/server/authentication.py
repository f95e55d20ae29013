"""Who asks: bearer tokens and client certificates, turned into a `User`.

`Authentication` is asked once per request, and by TokenReviews. An `Authenticator` knows what was given when the server started; a
`TokenSource` looks tokens up (those of service accounts, bootstrap tokens). What happens without any credentials is the server's business.
Tokens are compared by their hashes, so that the time a comparison takes tells nothing about them.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/; pkg/kubeapiserver/authenticator/config.go.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from wherry.api.errors import Unauthorized
from wherry.api.options import User

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
#: in a user's extra: which credential proved who he is
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
ANONYMOUS = User("system:anonymous", groups=(UNAUTHENTICATED,))


class Certificate(NamedTuple):
    """The subject of a client certificate that the TLS layer verified against the cluster's CA."""

    common_name: str
    organizations: tuple[str, ...] = ()
    #: SHA-256 of the certificate, in hex
    digest: str = ""


class Credentials(NamedTuple):
    token: str = ""
    certificate: Certificate | None = None


class Identity(NamedTuple):
    """A user, and the audiences his token is good for (those of this server, where nothing else was asked)."""

    user: User
    audiences: tuple[str, ...] = ()
    #: these credentials prove this user as long as the server runs
    lasting: bool = False


class TokenError(Exception):
    """A token that is of a known kind but not good; the message may be told to those who review tokens."""


class TokenSource(Protocol):
    async def user(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Whose token it is, None when it is not of this kind. Raises TokenError."""
        ...


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
        extra = ((CREDENTIAL_ID, (f"X509SHA256={certificate.digest}",)),) if certificate.digest else ()
        return User(certificate.common_name, groups=(*certificate.organizations, AUTHENTICATED), extra=extra)


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


class Authentication:
    """All the ways in which a caller proves who he is. `audiences`: the names of this server in tokens."""

    def __init__(self, authenticator: Authenticator, sources: Iterable[TokenSource] = (), audiences: tuple[str, ...] = ()) -> None:
        self._authenticator, self._sources, self._audiences = authenticator, tuple(sources), audiences

    async def identify(self, credentials: Credentials, audiences: tuple[str, ...] = ()) -> Identity | None:
        """The caller, None for credentials that nobody knows."""
        try:
            return await self.examine(credentials, audiences)
        except TokenError:
            return None

    async def examine(self, credentials: Credentials, audiences: tuple[str, ...] = ()) -> Identity | None:
        """The same, but what is wrong with a token is told. Raises TokenError."""
        user = self._authenticator.authenticate(credentials)
        if user is not None:
            meant = tuple(a for a in audiences if a in self._audiences) if audiences else self._audiences
            return Identity(user, meant, True) if meant or not audiences else None
        if not credentials.token:
            return None
        problems: list[str] = []
        for source in self._sources:
            try:
                found = await source.user(credentials.token, audiences or self._audiences)
            except TokenError as error:
                problems.append(str(error))
                continue
            if found is not None:
                groups = found.user.groups
                return found if AUTHENTICATED in groups else found._replace(user=replace(found.user, groups=(*groups, AUTHENTICATED)))
        if problems:
            raise TokenError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
        return None


def bearer(authorization: str) -> str:
    """The token of an Authorization header, "" when it has none."""
    scheme, _, rest = authorization.strip().partition(" ")
    return rest.partition(" ")[0] if scheme.lower() == "bearer" else ""


_WEBSOCKET = "base64url.bearer.authorization.k8s.io."


def websocket_bearer(protocols: str) -> str:
    """The token that browsers send as a WebSocket subprotocol, as they cannot set other headers; "" when there is none.

    Raises Unauthorized for what cannot be one: who sends a bad token is not nobody.
    Source: k8s.io/apiserver/pkg/authentication/request/websocket/protocol.go.
    """
    for protocol in protocols.split(","):
        encoded = protocol.strip()
        if encoded.startswith(_WEBSOCKET):
            encoded = encoded.removeprefix(_WEBSOCKET)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            except ValueError:  # no base64, no UTF-8, or not even ASCII
                raise Unauthorized("Unauthorized") from None
    return ""


def certificate(peer: Mapping[str, Any] | None, der: bytes | None = None) -> Certificate | None:
    """The subject of what `ssl.SSLSocket.getpeercert` gives; `der`: the whole certificate."""
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
    return Certificate(names[-1] if names else "", tuple(organizations), hashlib.sha256(der).hexdigest() if der else "")
