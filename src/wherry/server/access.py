"""Who asks and whether they may: authentication, impersonation, authorization of one request.

Called by `app.ApiServer` before anything else is done. Raises Unauthorized, Forbidden. `anonymous`: requests without credentials are
those of `system:anonymous` and refused with 403 where that may nothing; else with 401. Credentials that are wrong are always 401.
Source: k8s.io/apiserver/pkg/endpoints/filters (authentication.go, impersonation.go, authorization.go), request/requestinfo.go.
"""

from __future__ import annotations

from wherry.api.errors import Unauthorized
from wherry.api.options import User
from wherry.server.authentication import ANONYMOUS, AUTHENTICATED, Authenticator, Certificate, Credentials, bearer, certificate
from wherry.server.authorization import MASTERS, Attributes, Authorizer, is_public, refusal
from wherry.server.call import Call
from wherry.server.routes import Route

_NOTHING = Credentials()


class Access:
    def __init__(self, authenticator: Authenticator, authorizer: Authorizer, *, anonymous: bool = False) -> None:
        self._authenticator, self._authorizer, self._anonymous = authenticator, authorizer, anonymous

    def identify(self, call: Call) -> User:
        """The caller. Raises Unauthorized, Forbidden (impersonation)."""
        credentials = self._credentials(call)
        if credentials == _NOTHING:
            if not self._anonymous and not is_public(call.path):
                raise Unauthorized("Unauthorized")
            return ANONYMOUS
        user = self._authenticator.authenticate(credentials)
        if user is None:
            raise Unauthorized("Unauthorized")
        return self._impersonated(call, user) if "Impersonate-User" in call.request.headers else user

    def _credentials(self, call: Call) -> Credentials:
        authorization = call.request.headers.get("Authorization")
        token = bearer(authorization) if authorization else ""
        if authorization and not token:
            raise Unauthorized("Unauthorized")
        return Credentials(token, self._certificate(call))

    @staticmethod
    def _certificate(call: Call) -> Certificate | None:
        """The client's certificate, which the TLS layer checked when the connection was made."""
        transport = call.request.transport
        peer = transport.get_extra_info("peercert") if transport is not None else None
        return certificate(peer) if peer else None

    def _impersonated(self, call: Call, user: User) -> User:
        """The user that the caller wants to be, if they may."""
        headers = call.request.headers
        name, groups = headers["Impersonate-User"], tuple(headers.getall("Impersonate-Group", ()))
        for resource, wanted in (("users", (name,)), ("groups", groups)):
            for one in wanted:
                self._check(user, Attributes("impersonate", resource=resource, version="v1", name=one))
        return User(name, groups=tuple(dict.fromkeys((*groups, AUTHENTICATED))))

    def _check(self, user: User, asked: Attributes) -> None:
        decision = self._authorizer(user, asked)
        if not decision.allowed:
            raise refusal(user, asked, decision.reason)

    def allow(self, call: Call, user: User, parts: list[str], route: Route | None, verb: str) -> None:
        """Raises Forbidden. Members of `system:masters` may do everything, whatever the hook says, as in the reference."""
        if MASTERS not in user.groups:
            self._check(user, attributes(call, parts, route, verb))


def attributes(call: Call, parts: list[str], route: Route | None, verb: str) -> Attributes:
    """The question that a request poses."""
    if route is not None:
        target = route.target
        resource = target.resource
        return Attributes(
            verb or _verb(call, bool(target.name)), "", resource.group, resource.version, resource.plural, target.subresource,
            target.name if resource.plural == "namespaces" and not resource.group else target.namespace, target.name,
        )  # fmt: skip
    rest = parts[3:] if parts[0] == "apis" else parts[2:] if parts[0] == "api" else []
    if not rest:
        return Attributes(call.method.lower(), call.path)
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    rest = [*rest, "", ""]
    return Attributes(_verb(call, bool(rest[1])), "", group, version, rest[0], rest[2], namespace, rest[1])


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "GET": "get", "HEAD": "get", "DELETE": "delete"}


def _verb(call: Call, named: bool) -> str:
    verb = _VERBS.get(call.method, "")
    if not named and verb in ("get", "delete"):
        return "list" if verb == "get" else "deletecollection"
    return verb
