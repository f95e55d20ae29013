"""Certificates made by a child process while its parent loads what a cluster needs: called by `pki` for the first start of `wherry up`.

The library that makes them takes a fifth of a start, and the second core has nothing to do then. The child is a fork, so it needs no start
of its own; it writes what it made into a pipe and ends. Whatever goes wrong with it, the parent makes them itself.
"""

from __future__ import annotations

import os
from typing import NamedTuple


class Made(NamedTuple):
    """PEM: the CA's certificate and key, and the server's."""

    ca: bytes
    ca_key: bytes
    server: bytes
    server_key: bytes


class _Child(NamedTuple):
    pid: int
    pipe: int
    hosts: list[str]


_begun: list[_Child] = []
_SEPARATOR = b"\0"


def begin(hosts: list[str], days: int) -> None:
    """Starts the child. Only in a process without threads: a fork has none but the one that called."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        _begun.append(_Child(pid, read, hosts))
        return
    status = 1
    try:
        from wherry.cluster import certificates

        with os.fdopen(write, "wb") as pipe:
            pipe.write(_SEPARATOR.join(certificates.make_all(hosts, days)))
        status = 0
    finally:
        os._exit(status)


def take(hosts: list[str]) -> Made | None:
    """What the child made for these names; None if none was started for them, or it failed."""
    found = None
    while _begun:
        child = _begun.pop()
        with os.fdopen(child.pipe, "rb") as pipe:
            parts = pipe.read().split(_SEPARATOR)
        _, status = os.waitpid(child.pid, 0)
        if status == 0 and child.hosts == hosts:
            found = Made(*parts)
    return found
