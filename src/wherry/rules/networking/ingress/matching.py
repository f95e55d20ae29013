"""The way of one request through the routing table: its host, then its path.

Called for every request; nothing is searched but the paths of one host. A name that is told exactly is before one that a wildcard covers
(of one label, no more), and that before rules of any host; within a host the longest path wins, and of two equals the exact one. Where a
host has no path for a request, the request goes to a default backend, not to a less exact host.
Source: https://kubernetes.io/docs/concepts/services-networking/ingress/ (path types, multiple matches, hostname wildcards).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from wherry.rules.networking.ingress.table import EXACT, Backend, Path, Table

Found = TypeVar("Found")


def match(table: Table, host: str, path: str) -> Backend | None:
    """`host`: as the client says it, with or without a port. `path`: without the query. None: nobody serves it."""
    found = by_host(table.hosts, host_name(host))
    if found is None:
        return table.default
    for each in found.paths:
        if _covers(each, path):
            return each.backend
    return found.default or table.default


def host_name(host: str) -> str:
    """Without its port, in small letters, without the dot at the end of a full name."""
    if host.startswith("["):
        return host.partition("]")[0][1:].lower()
    return host.partition(":")[0].lower().rstrip(".")


def by_host(known: Mapping[str, Found], host: str) -> Found | None:
    """What is known of a host: by its name, by a wildcard of its domain, or of any host."""
    found = known.get(host)
    if found is None:
        label, dot, domain = host.partition(".")
        found = known.get(f"*.{domain}") if label and dot else None
    return known.get("") if found is None else found


def _covers(entry: Path, path: str) -> bool:
    """A prefix covers whole elements of a path: /foo covers /foo, /foo/ and /foo/bar, not /foobar."""
    if entry.kind == EXACT:
        return path == entry.path
    return path.startswith(entry.path) and (len(path) == len(entry.path) or path[len(entry.path)] == "/")
