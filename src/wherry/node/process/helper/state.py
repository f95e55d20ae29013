"""What the helper holds: its pods, their namespaces by descriptor, their containers, and who is just being started."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import Any

from wherry.linux import cgroups
from wherry.linux.netlink import Netlink
from wherry.linux.nft import Nft


@dataclass(slots=True)
class Container:
    """`space`: number of its mount namespace, by which its processes are told. `own_user`: it lives in a user namespace of its own."""

    id: str
    request: dict[str, Any]
    folder: str
    group: cgroups.Group | None
    pid: int = 0
    space: int = 0
    own_user: bool = False
    reason: str = ""


@dataclass(slots=True)
class Pod:
    """A pod, or a node whose network host-network pods share (it has no containers). `init`: process 1 where processes are shared."""

    id: str
    namespaces: dict[str, int]
    folder: str = ""
    link: str = ""
    init: int = 0
    host_pid: bool = False
    containers: dict[str, Container] = field(default_factory=dict)

    def close(self) -> None:
        for descriptor in self.namespaces.values():
            os.close(descriptor)
        self.namespaces.clear()


class State:
    """`ids`: exact, range or single. `own`: descriptors of the helper's namespaces."""

    def __init__(self, main: socket.socket, settings: dict[str, Any], ids: str, tree: cgroups.Tree | None) -> None:
        self.main = main
        self.settings = settings
        self.ids = ids
        self.tree = tree
        self.scratch: str = settings["scratch"]
        self.own = {kind: os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("net", "ipc", "uts")}
        self.netlink = Netlink()
        self.nft: Nft | None = None
        self.pods: dict[str, Pod] = {}
        self.count = 0

    def number(self) -> int:
        """Never the same twice."""
        self.count += 1
        return self.count

    def container(self, pod: str, id: str) -> Container:
        """Raises KeyError."""
        return self.pods[pod].containers[id]
