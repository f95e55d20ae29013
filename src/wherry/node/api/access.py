"""Who asks a node, and may they: by client certificate or token, and by what the API server says.

Called by `server` for each request. The node asks the API server with its own rights (TokenReview, SubjectAccessReview), and remembers the
answers for as long as the kubelet does. An API server that cannot be asked allows nobody.
Source: pkg/kubelet/apis/config/v1beta1/defaults.go (authentication.webhook.cacheTTL 2m, authorization 5m and 30s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

from wherry.api.errors import Forbidden, StatusError, Unauthorized
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.node.api.paths import permissions

_TOKENS, _ACCESS = resource("tokenreviews", "authentication.k8s.io"), resource("subjectaccessreviews", "authorization.k8s.io")
#: seconds for which an answer of the API server holds
_KNOWN, _ALLOWED, _DENIED = 120.0, 300.0, 30.0
#: answers that are remembered; with more all are forgotten
_MOST = 10_000
_ANONYMOUS = "system:anonymous"


class Caller(NamedTuple):
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


class Access:
    """`node`: the name of the node that is asked about; `now`: seconds, only ever growing."""

    def __init__(self, client: Client, node: str, now: Callable[[], float]) -> None:
        self._client, self._node, self._now = client, node, now
        self._callers: dict[str, tuple[float, Caller]] = {}
        self._answers: dict[tuple[Caller, str, str], tuple[float, bool]] = {}

    async def check(self, request: web.BaseRequest) -> Caller:
        """Raises Unauthorized, Forbidden."""
        caller = _certified(request) or await self._by_token(request)
        if caller is None:
            raise Unauthorized("Unauthorized")
        wanted = permissions(request.method, request.path)
        for verb, subresource in wanted:
            if await self._may(caller, verb, subresource):
                return caller
        verb, subresource = wanted[0]
        what = f"verb={verb}, resource=nodes, subresource(s)=[{' '.join(s for _, s in wanted)}]"
        raise Forbidden(f"Forbidden (user={caller.name}, {what})", {})

    async def _by_token(self, request: web.BaseRequest) -> Caller | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.isascii() or not token.strip():
            return None
        ends, caller = self._callers.get(token, (0.0, None))
        if caller is None or ends <= self._now():
            caller = await self._reviewed(token.strip())
            if caller is not None:
                _remember(self._callers, token, (self._now() + _KNOWN, caller))
        return caller

    async def _reviewed(self, token: str) -> Caller | None:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        status: Obj = (await self._asked(_TOKENS, review)).get("status") or {}
        user = status.get("user") or {}
        if not status.get("authenticated"):
            return None
        return Caller(user.get("username", ""), tuple(user.get("groups") or ()), user.get("uid", ""))

    async def _may(self, caller: Caller, verb: str, subresource: str) -> bool:
        key = (caller, verb, subresource)
        ends, allowed = self._answers.get(key, (0.0, False))
        if ends <= self._now():
            allowed = await self._allowed(caller, verb, subresource)
            _remember(self._answers, key, (self._now() + (_ALLOWED if allowed else _DENIED), allowed))
        return allowed

    async def _allowed(self, caller: Caller, verb: str, subresource: str) -> bool:
        about = {"verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource, "name": self._node}
        spec: Obj = {"user": caller.name, "groups": list(caller.groups), "uid": caller.uid, "resourceAttributes": about}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {k: v for k, v in spec.items() if v}}
        return bool(((await self._asked(_ACCESS, review)).get("status") or {}).get("allowed"))

    async def _asked(self, of: object, review: Obj) -> Obj:
        """The review as answered. Raises StatusError (500) when nobody answers."""
        try:
            return await self._client.create(of, "", review)  # type: ignore[arg-type]
        except (StatusError, OSError) as error:
            raise StatusError(f"Authorization error: {error}", code=500, reason="InternalError") from None


def _remember(known: dict, key: object, value: object) -> None:  # type: ignore[type-arg]
    if len(known) >= _MOST:
        known.clear()
    known[key] = value


def _certified(request: web.BaseRequest) -> Caller | None:
    """Who a client certificate names; TLS has checked whose it is."""
    certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
    if not certificate:
        return None
    fields = [field for part in certificate.get("subject", ()) for field in part]
    name = next((value for key, value in fields if key == "commonName"), "")
    groups = tuple(value for key, value in fields if key == "organizationName")
    return Caller(name, (*groups, "system:authenticated")) if name and name != _ANONYMOUS else None
