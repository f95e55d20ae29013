"""Who looks at the page: a one-time link, or a token that the cluster itself recognises; then a cookie for as long as the browser is open.

Called by `app` for each request. With the link a viewer acts as the kubeconfig's user, which is whoever started the dashboard. With a
token the API server says who that is (TokenReview), and everything is asked for as that user by impersonation, so nobody sees or does more
than the cluster lets them. What changes something also needs a token that only the page knows, so no other page can ask for it (CSRF).
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from wherry.api.errors import StatusError, Unauthorized
from wherry.api.resources import resource
from wherry.client.access import Access, Impersonate
from wherry.client.http import HttpClient
from wherry.dashboard.board import Board

_TOKEN_REVIEWS = resource("tokenreviews", "authentication.k8s.io")
_SELF_REVIEWS = resource("selfsubjectreviews", "authentication.k8s.io")
#: seconds after which a session that asked for nothing is over
IDLE = 8 * 3600.0
#: sessions at a time; who comes then takes the place of the one that was idle longest
MOST = 200


@dataclass(slots=True)
class Viewer:
    """Somebody's client and board, shared by that somebody's sessions."""

    user: str
    client: HttpClient
    board: Board


@dataclass(slots=True)
class Session:
    """`token`: what requests that change something must show. `used`: on the loop's clock."""

    viewer: Viewer
    token: str
    used: float


class Sessions:
    """`draw` makes a secret text. `access`: as whom the dashboard itself speaks to the cluster."""

    def __init__(self, access: Access, namespaces: Sequence[str], draw: Callable[[], str], *, by_token: bool = False) -> None:
        self._access = access
        self._namespaces = namespaces
        self._draw = draw
        self._viewers: dict[Impersonate, Viewer] = {}
        self._sessions: dict[str, Session] = {}
        self._making = asyncio.Lock()
        self.by_token = by_token
        #: the secret of the next link, "" where links are not the way in
        self.key = "" if by_token else draw()

    async def with_key(self, key: str) -> str:
        """The cookie for who followed the link; it opens once. Raises Unauthorized."""
        if not self.key or not hmac.compare_digest(key.encode(), self.key.encode()):
            raise Unauthorized("the link was used already, or is of another start: see where the dashboard runs for a new one")
        self.key = self._draw()
        return self._open(await self._viewer(Impersonate()))

    async def with_token(self, token: str) -> str:
        """The cookie for who has a token of the cluster. Raises Unauthorized, StatusError."""
        if not self.by_token:
            raise Unauthorized("this dashboard is opened by its link")
        async with HttpClient(self._access) as client:
            review = await client.create(_TOKEN_REVIEWS, "", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                                                              "spec": {"token": token}})  # fmt: skip
        status = review.get("status") or {}
        user = status.get("user") or {}
        if not status.get("authenticated") or not user.get("username"):
            raise Unauthorized(status.get("error") or "the cluster does not know this token")
        extra = tuple((name, tuple(values)) for name, values in (user.get("extra") or {}).items())
        return self._open(await self._viewer(Impersonate(user["username"], user.get("uid", ""), tuple(user.get("groups") or ()), extra)))

    def of(self, cookie: str) -> Session | None:
        """The session of a cookie, None for one that is over."""
        now = asyncio.get_running_loop().time()
        found = self._sessions.get(cookie)
        if found is None or now - found.used > IDLE:
            self._sessions.pop(cookie, None)
            return None
        found.used = now
        return found

    def close(self, cookie: str) -> None:
        """The viewer leaves."""
        self._sessions.pop(cookie, None)

    async def aclose(self) -> None:
        for viewer in self._viewers.values():
            await viewer.board.stop()
            await viewer.client.aclose()

    async def prepare(self) -> None:
        """Read the cluster before somebody looks: what is shown by link is the same for all. Raises StatusError, ConnectionFailed."""
        if not self.by_token:
            await self._viewer(Impersonate())

    def _open(self, viewer: Viewer) -> str:
        if len(self._sessions) >= MOST:
            del self._sessions[min(self._sessions, key=lambda each: self._sessions[each].used)]
        cookie = self._draw()
        self._sessions[cookie] = Session(viewer, self._draw(), asyncio.get_running_loop().time())
        return cookie

    async def _viewer(self, who: Impersonate) -> Viewer:
        async with self._making:
            if who not in self._viewers:
                access = replace(self._access, impersonate=who) if who.user else self._access
                client = HttpClient(access, manager="wherry-dashboard")
                try:
                    board = Board(client, self._namespaces)
                    user = await _name(client) or who.user
                    await board.start()
                except BaseException:
                    await client.aclose()
                    raise
                self._viewers[who] = Viewer(user, client, board)
            return self._viewers[who]


async def _name(client: HttpClient) -> str:
    """Who the cluster takes this client for; "" where it does not say (before Kubernetes 1.28)."""
    try:
        review = await client.create(_SELF_REVIEWS, "", {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    except StatusError:
        return ""
    return str(((review.get("status") or {}).get("userInfo") or {}).get("username", ""))
