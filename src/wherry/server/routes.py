"""Paths to what they are about: a resource, one of its objects, a subresource; and which method means which verb there.

Called once per request; paths are data, so there is no router, only the resource table. A path under a known group-version that leads
nowhere is answered with a Status, any other unknown path with plain text (the caller's choice, by `known_root`).
Source: k8s.io/apiserver/pkg/endpoints/installer.go (which routes there are), request/requestinfo.go (verbs).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from wherry.api.options import Target
from wherry.api.resources import Resource, ResourceTable

#: verbs of each subresource
SUBRESOURCE_VERBS: dict[str, tuple[str, ...]] = {
    "approval": ("get", "patch", "update"),
    "attach": ("create", "get"),
    "binding": ("create",),
    "ephemeralcontainers": ("get", "patch", "update"),
    "eviction": ("create",),
    "exec": ("create", "get"),
    "finalize": ("update",),
    "log": ("get",),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
    "resize": ("get", "patch", "update"),
    "rollback": ("create",),
    "scale": ("get", "patch", "update"),
    "status": ("get", "patch", "update"),
    "token": ("create",),
}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_COLLECTION_VERBS = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
#: of a request that is passed on to a pod, a Service or a node; there is no right of that name (k8s.io/apiserver's requestinfo.go has none)
OPTIONS = "options"
_OBJECT_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}


class Route(NamedTuple):
    """`watch`: the old path prefix. `rest`: what follows a subresource (proxies). `everywhere`: a namespaced kind without a namespace."""

    target: Target
    watch: bool = False
    rest: str = ""
    everywhere: bool = False

    def verb(self, method: str) -> str:
        """The verb, "" when the path does not have this method. A list may turn out to be a watch."""
        target = self.target
        if self.watch:
            return "watch" if method == "GET" and "watch" in target.resource.verbs else ""
        if target.subresource:
            # only what lies behind a proxy is asked for its head, or what it can do
            if method == "OPTIONS" and target.subresource == "proxy":
                return OPTIONS
            verb = "get" if method == "HEAD" and target.subresource == "proxy" else _OBJECT_VERBS.get(method, "")
            return verb if verb in SUBRESOURCE_VERBS.get(target.subresource, ()) else ""
        if target.name:
            verb = "" if method == "POST" else _OBJECT_VERBS.get(method, "")
        else:
            verb = _COLLECTION_VERBS.get(method, "")
            if self.everywhere and verb != "list":
                return ""
        return verb if verb in target.resource.verbs else ""


def split(path: str) -> list[str]:
    """The path's segments, decoded."""
    if "%" in path:
        path = unquote(path)
    return path.strip("/").split("/")


def is_nowhere(path: str) -> bool:
    """Paths that name something only when their slashes are not counted: permission is asked for that, but nothing is served there.

    A slash at the end is one too many outside of the API and of `/version`.
    """
    return path.startswith("//") or (path.endswith("/") and len(path) > 1 and not path.startswith(("/api/", "/apis/", "/version/")))


def resolve(table: ResourceTable, parts: list[str]) -> Route | None:
    """The route of a resource path (`api/v1/...`, `apis/g/v/...`), None when nothing is there."""
    if parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    else:
        group, version, rest = parts[1], parts[2], parts[3:]
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    if rest[0] == "namespaces" and len(rest) > 2 and not (len(rest) == 3 and group == "" and rest[2] in _NAMESPACE_SUBRESOURCES):
        resource = table.by_path(group, version, rest[2])
        if resource is None or not resource.namespaced:
            return None
        return _below(resource, rest[1], rest[3:], watch)
    resource = table.by_path(group, version, rest[0])
    if resource is None:
        return None
    if resource.namespaced:
        return Route(Target(resource), watch, everywhere=True) if len(rest) == 1 else None
    return _below(resource, "", rest[1:], watch)


def _below(resource: Resource, namespace: str, rest: list[str], watch: bool) -> Route | None:
    """The route of what follows a resource's plural name."""
    count = len(rest)
    if count == 0:
        return Route(Target(resource, namespace), watch)
    if count == 1:
        return Route(Target(resource, namespace, rest[0]), watch)
    subresource = rest[1]
    if watch or subresource not in resource.subresources or (count > 2 and subresource != "proxy"):
        return None
    return Route(Target(resource, namespace, rest[0], subresource), rest="/".join(rest[2:]))


def known_root(groups: frozenset[str], parts: list[str]) -> bool:
    """Whether a path that leads nowhere lies below something the reference installs routes for."""
    if parts[0] in ("api", "version"):
        return True
    return parts[0] == "apis" and len(parts) > 2 and parts[1] in groups
