"""The paths of the kubelet's API, and what asking for one means to the authorizer. Pure.

Source: pkg/kubelet/server/server.go (InstallDefaultHandlers, InstallDebuggingHandlers), pkg/kubelet/server/auth.go GetRequestAttributes.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

#: about a pod, and how many names follow: namespace and pod, a uid or not, a container where one is meant
_OF_CONTAINERS = frozenset({"exec", "attach", "run", "containerLogs"})
_OF_PODS = frozenset({"portForward"})
_PLAIN = {"healthz": "healthz", "pods": "pods", "configz": "configz", "stats": "stats", "metrics": "metrics"}
_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
#: first part of the path -> subresources of the node, one of which is enough
_SUBRESOURCES = {
    "pods": ("pods", "proxy"), "healthz": ("healthz", "proxy"), "configz": ("configz", "proxy"), "stats": ("stats",),
    "metrics": ("metrics",), "logs": ("log",),
}  # fmt: skip


class Asked(NamedTuple):
    """`what`: the first part of the path; the others as far as it has them. `rest`: what follows a plain one."""

    what: str
    namespace: str = ""
    pod: str = ""
    uid: str = ""
    container: str = ""
    rest: str = ""


def asked(path: str) -> Asked | None:
    """None: there is nothing there."""
    what, *names = [unquote(part) for part in path.strip("/").split("/")]
    if what in _PLAIN:
        return Asked(what, rest="/".join(names))
    if what in _OF_PODS and len(names) in (2, 3):
        return Asked(what, *names)
    if what in _OF_CONTAINERS and len(names) == 3:
        return Asked(what, names[0], names[1], container=names[2])
    if what in _OF_CONTAINERS and what != "containerLogs" and len(names) == 4:
        return Asked(what, *names)
    return None


def permissions(method: str, path: str) -> list[tuple[str, str]]:
    """(verb, subresource of the node): who may do one of them, may ask."""
    first = path.strip("/").split("/")[0]
    return [(_VERBS.get(method, ""), subresource) for subresource in _SUBRESOURCES.get(first, ("proxy",))]
