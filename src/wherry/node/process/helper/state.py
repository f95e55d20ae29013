"""What the helper holds: its pods, their namespaces by descriptor, their containers, and who is just being started."""

from __future__ import annotations

import os
import socket
from typing import Any

from wherry.linux import cgroups
from wherry.linux.netlink import Netlink
from wherry.linux.nft import Nft


class Container:
    """`space`: number of its mount namespace, by which its processes are told. `own_user`: it lives in a user namespace of its own."""

    def __init__(self, id: str, request: dict[str, Any], folder: str, group: cgroups.Group | None) -> None:
        self.id, self.request, self.folder, self.group = id, request, folder, group
        self.pid = self.space = 0
        self.own_user = False
        self.reason = ""


class Pod:
    """A pod, or a node whose network host-network pods share (it has no containers). `init`: process 1 where processes are shared."""

    def __init__(self, id: str, *, host_pid: bool = False) -> None:
        self.id, self.host_pid = id, host_pid
        self.namespaces: dict[str, int] = {}
        self.folder = self.link = ""
        self.init = 0
        self.containers: dict[str, Container] = {}

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
