"""Who asks and whether they may: authentication, impersonation, authorization of one request.

Called by `app.ApiServer` before anything else is done. Raises Unauthorized, Forbidden, BadRequest. A request without credentials is one of
`system:anonymous` (unless the server does not let it in); credentials that are wrong are always 401.
Source: k8s.io/apiserver/pkg/endpoints/filters (authentication.go, authorization.go), request/requestinfo.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.errors import Unauthorized
from wherry.api.options import User
from wherry.rules.access.rbac.request import ALLOWED, Attributes
from wherry.server import impersonation
from wherry.server.authentication import ANONYMOUS, Authentication, Certificate, Credentials, bearer, certificate, websocket_bearer
from wherry.server.authorization import MASTERS, Authorizer, refusal
from wherry.server.call import Call
from wherry.server.routes import OPTIONS, Route

if TYPE_CHECKING:
    from wherry.server.audit import Trail

_NOTHING = Credentials()
_MOST_KNOWN = 256
_SELECTING = ("list", "watch", "deletecollection")


class Access:
    def __init__(self, authentication: Authentication, authorizer: Authorizer, *, anonymous: bool = True) -> None:
        self._authentication, self._authorizer, self._anonymous = authentication, authorizer, anonymous
        #: Authorization headers whose bearer is known for good
        self._known: dict[str, User] = {}

    async def identify(self, call: Call) -> User:
        """The caller. Raises Unauthorized."""
        authorization = call.header("Authorization") or None
        certificate = self._certificate(call)
        if authorization is not None and certificate is None and (user := self._known.get(authorization)) is not None:
            return user
        token = bearer(authorization) if authorization else websocket_bearer(call.header("Sec-WebSocket-Protocol"))
        credentials = Credentials(token, certificate)
        if credentials == _NOTHING:
            if not self._anonymous:
                raise Unauthorized("Unauthorized")
            return ANONYMOUS
        identity = await self._authentication.identify(credentials)
        if identity is None:
            raise Unauthorized("Unauthorized")
        if authorization is not None and certificate is None and identity.lasting and len(self._known) < _MOST_KNOWN:
            self._known[authorization] = identity.user
        return identity.user

    def attempted(self, call: Call) -> list[str]:
        """The kinds of credentials that a request came with."""
        given = (("bearer", bearer(call.header("Authorization"))), ("x509", self._certificate(call)))
        return [kind for kind, there in given if there]

    @staticmethod
    def _certificate(call: Call) -> Certificate | None:
        """The client's certificate, which the TLS layer checked when the connection was made."""
        transport = call.request.transport
        peer = transport.get_extra_info("peercert") if transport is not None else None
        if not peer or transport is None:
            return None
        return certificate(peer, transport.get_extra_info("ssl_object").getpeercert(True))

    async def impersonated(self, call: Call, user: User, parts: list[str], route: Route | None, verb: str, trail: Trail | None) -> User:
        """The user as whom the request is to be done. Raises BadRequest, Forbidden."""
        who = impersonation.wanted(call.request.headers)
        if who is None:
            return user
        found, constraint = await impersonation.impersonate(self._authorizer, user, who, attributes(call, parts, route, verb))
        if trail is not None:
            trail.impersonated(found, constraint)
        return found

    async def allow(self, call: Call, user: User, parts: list[str], route: Route | None, verb: str, trail: Trail | None) -> None:
        """Raises Forbidden. Members of `system:masters` may do everything, whatever roles say, as in the reference."""
        if MASTERS in user.groups:
            if trail is not None:
                trail.decided(ALLOWED)
            return
        asked = attributes(call, parts, route, verb)
        decision = await self._authorizer.decide(user, asked)
        if trail is not None:
            trail.decided(decision)
        if not decision.allowed:
            raise refusal(user, asked, decision.reason)


def attributes(call: Call, parts: list[str], route: Route | None, verb: str) -> Attributes:
    """The question that a request poses."""
    if route is not None:
        target = route.target
        resource = target.resource
        asked = Attributes(
            "" if verb == OPTIONS else verb or _verb(call, bool(target.name)), "",
            resource.group, resource.version, resource.plural, target.subresource,
            target.name if resource.plural == "namespaces" and not resource.group else target.namespace, target.name,
        )  # fmt: skip
    else:
        asked = _unrouted(call, parts)
    if asked.resource and "fieldSelector" in call.query and asked.verb in _SELECTING:
        fields = call.parameters.text("fieldSelector")
        return asked._replace(fields=fields, name=asked.name or _selected_name(fields))
    return asked


def _unrouted(call: Call, parts: list[str]) -> Attributes:
    """A path that is no resource of ours: still asked about as a resource where it looks like one."""
    rest = parts[3:] if parts[0] == "apis" else parts[2:] if parts[0] == "api" else []
    if not rest:
        return Attributes(call.method.lower(), call.path)
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    rest = [*rest, "", ""]
    return Attributes("watch" if watch else _verb(call, bool(rest[1])), "", group, version, rest[0], rest[2], namespace, rest[1])


def _selected_name(fields: str) -> str:
    """The one name that a field selector leaves, "" when it leaves more."""
    for term in fields.split(","):
        key, equals, value = term.partition("=")
        if equals and key.strip() == "metadata.name":
            return value.removeprefix("=").strip()
    return ""


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "GET": "get", "HEAD": "get", "DELETE": "delete"}


def _verb(call: Call, named: bool) -> str:
    verb = _VERBS.get(call.method, "")
    if not named and verb in ("get", "delete"):
        return "list" if verb == "get" else "deletecollection"
    return verb
