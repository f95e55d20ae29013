"""Impersonation: who a caller wants to be (`kubectl --as`), and whether they may.

Called by `access` for requests with an `Impersonate-` header. First the constrained ways of KEP-5284 are tried, each of which needs the
right to act so on this very request and the right to be that user; then the old way, the verb `impersonate` alone. The refusal is that of
the first way that applied.
Source: https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/; k8s.io/apiserver/pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from wherry.api.errors import BadRequest, Forbidden
from wherry.api.options import User
from wherry.rules.access.rbac.request import Attributes, quoted
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain
from wherry.server.authentication import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED
from wherry.server.authorization import MASTERS, Authorizer, refusal
from wherry.server.call import readable

NODE_NAME = "authentication.kubernetes.io/node-name"
NODES = "system:nodes"
_AUTHENTICATION = "authentication.k8s.io"
_EXTRA = "impersonate-extra-"
#: from so many checks of one kind on, one check for all of them is tried first
_MANY = 4


class Wanted(NamedTuple):
    """What the headers say."""

    name: str
    uid: str
    groups: tuple[str, ...]
    extra: dict[str, tuple[str, ...]]

    @property
    def only_name(self) -> bool:
        return not (self.uid or self.groups or self.extra)


def wanted(headers: Any) -> Wanted | None:
    """What the request asks for, None when it asks for nothing. `headers` is a multi-dict. Raises BadRequest."""
    for header in headers:
        if header[0] in "iI" and header[:12].lower() == "impersonate-":
            break
    else:
        return None
    name, uid = readable(headers.get("Impersonate-User", "")), readable(headers.get("Impersonate-Uid", ""))
    groups = tuple(map(readable, headers.getall("Impersonate-Group", ())))
    extra: dict[str, tuple[str, ...]] = {}
    for header, value in headers.items():
        if header.lower().startswith(_EXTRA):
            key = unquote(header[len(_EXTRA) :].lower())
            extra[key] = (*extra.get(key, ()), readable(value))
    if name:
        return Wanted(name, uid, groups, extra)
    if uid or groups or extra:
        raise BadRequest(f"requested {_go(uid, groups, extra)} without impersonating a user name")
    return None


def _go(uid: str, groups: tuple[str, ...], extra: Mapping[str, tuple[str, ...]]) -> str:
    """The request as the reference prints its struct."""
    shown_groups = f"[]string{{{', '.join(map(quoted, groups))}}}" if groups else "[]string(nil)"
    pairs = ", ".join(f"{quoted(k)}:[]string{{{', '.join(map(quoted, v))}}}" for k, v in sorted(extra.items()))
    shown_extra = f"map[string][]string{{{pairs}}}" if extra else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:{quoted(uid)}, Groups:{shown_groups}, Extra:{shown_extra}}}'


async def impersonate(authorizer: Authorizer, user: User, who: Wanted, asked: Attributes) -> tuple[User, str]:
    """The user that `user` wants to be for the request `asked`, and the verb that allowed it ("" in the old way). Raises Forbidden."""
    first: Forbidden | None = None
    for mode in _modes(user, who):
        check = _Check(authorizer, user, mode)
        try:
            if mode:
                await check.must(asked._replace(verb=f"impersonate-on:{mode}:{asked.verb}"))
            return await check.become(who), f"impersonate:{mode}" if mode else ""
        except Forbidden as error:
            first = first or error
    assert first is not None
    raise first


def _modes(user: User, who: Wanted) -> list[str]:
    """The ways that apply, the narrowest first; the old way is ""."""
    node, account = node_name(who.name), account_of(who.name)
    if node is None and account is None:
        return ["user-info", ""]
    if not who.only_name:
        return [""]
    if account is not None:
        return ["serviceaccount", ""]
    associated = account_of(user.name) is not None and dict(user.extra).get(NODE_NAME) == (node,)
    return ["associated-node", "arbitrary-node", ""] if associated else ["arbitrary-node", ""]


def node_name(user: str) -> str | None:
    name = user.removeprefix("system:node:")
    return name if name != user and not dns1123_subdomain(name) else None


def account_of(user: str) -> tuple[str, str] | None:
    """(namespace, name) of a service account's user name."""
    namespace, colon, name = user.removeprefix("system:serviceaccount:").partition(":")
    if not (colon and user.startswith("system:serviceaccount:")) or dns1123_label(namespace) or dns1123_subdomain(name):
        return None
    return namespace, name


def account_groups(namespace: str) -> tuple[str, ...]:
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


class _Check:
    """The checks of one way to impersonate."""

    def __init__(self, authorizer: Authorizer, user: User, mode: str) -> None:
        self._authorizer, self._user, self._mode = authorizer, user, mode
        self._verb = f"impersonate:{mode}" if mode else "impersonate"

    async def must(self, asked: Attributes) -> None:
        user = self._user
        if self._mode == "associated-node":
            if asked.verb == self._verb:
                asked = asked._replace(name="*")
            keys = tuple(sorted(key for key, _ in user.extra))
            user = User(user.name, user.uid, user.groups, (("authentication.kubernetes.io/associated-node-keys", keys),))
        decision = await self._authorizer.decide(user, asked)
        if not decision.allowed:
            raise refusal(user, asked, decision.reason)

    def _about(self, resource: str, name: str, *, core: bool, subresource: str = "", namespace: str = "") -> Attributes:
        """Names and groups are in the core group in the old way only; uids and extras never are."""
        group = "" if core and not self._mode else _AUTHENTICATION
        return Attributes(self._verb, "", group, "v1", resource, subresource, namespace, name)

    async def become(self, who: Wanted) -> User:
        groups = await self._name(who)
        if who.uid:
            await self.must(self._about("uids", who.uid, core=False))
        if who.groups:
            await self._groups(who.groups)
        if who.extra:
            await self._extra(who.extra)
        added = AUTHENTICATED
        if who.name == ANONYMOUS.name:
            added = UNAUTHENTICATED
        elif UNAUTHENTICATED in groups:
            added = ""
        if added and added not in groups:
            groups = (*groups, added)
        return User(who.name, who.uid, groups, tuple(sorted(who.extra.items())))

    async def _name(self, who: Wanted) -> tuple[str, ...]:
        """Checks the name; gives the groups that come with it."""
        node, account = node_name(who.name), account_of(who.name)
        if account is not None:
            namespace, name = account
            await self.must(self._about("serviceaccounts", name, core=True, namespace=namespace))
            return who.groups or account_groups(namespace)
        if self._mode and node is not None:
            await self.must(self._about("nodes", node, core=True))
            return (NODES,)
        await self.must(self._about("users", who.name, core=True))
        return who.groups

    async def _groups(self, groups: tuple[str, ...]) -> None:
        if self._mode:
            if "" in groups:
                why = "impersonating the empty string group is not allowed"
                raise refusal(self._user, self._about("groups", "", core=True), why)
            if MASTERS in groups:
                why = "impersonating the system:masters group is not allowed"
                raise refusal(self._user, self._about("groups", MASTERS, core=True), why)
            if len(groups) >= _MANY and await self._may(self._about("groups", "*", core=True)):
                return
        for group in groups:
            await self.must(self._about("groups", group, core=True))

    async def _extra(self, extra: Mapping[str, tuple[str, ...]]) -> None:
        if self._mode:
            if why := _bad_extra(extra):
                raise refusal(self._user, self._about("userextras", "", core=False), why)
            count = sum(map(len, extra.values()))
            if count >= _MANY and await self._may(self._about("userextras", "*", core=False, subresource="*")):
                return
        for key, values in extra.items():
            for value in values:
                await self.must(self._about("userextras", value, core=False, subresource=key))

    async def _may(self, asked: Attributes) -> bool:
        return (await self._authorizer.decide(self._user, asked)).allowed


def _bad_extra(extra: Mapping[str, tuple[str, ...]]) -> str:
    """Why the old way is the only one for these, "" when it is not."""
    for key, values in extra.items():
        if not key:
            return "impersonating the empty string key in extra is not allowed"
        domain, slash, path = key.partition("/")
        if not (slash and path) or dns1123_subdomain(domain):
            bad = f'extra.key: Invalid value: {quoted(key)}: must be a domain-prefixed path (such as "acme.io/foo")'
            return f"impersonating an invalid key in extra is not allowed: {bad}"
        if "" in values:
            return "impersonating the empty string value in extra is not allowed"
    return ""
