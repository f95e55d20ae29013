"""Which socket the container runtime is at: as told, or the first of the usual places where there is one.

Source: cmd/kubeadm/app/constants (the sockets that kubeadm looks for); the kubelet's --container-runtime-endpoint.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence

from wherry.node.engine import Unavailable

USUAL = ("/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/k3s/containerd/containerd.sock")
_INSTALL = "install one (Debian: containerd runc containernetworking-plugins) and start it"
_NAME_IT = "or name its socket: --container-runtime-endpoint"


def is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def find(given: str, there: Callable[[str], bool] = is_socket, usual: Sequence[str] = USUAL) -> str:
    """The path of the socket; `given`: unix:///path or a path, "" for whatever is there. Raises Unavailable."""
    if not given:
        for path in usual:
            if there(path):
                return path
        raise Unavailable(f"there is no container runtime at {', '.join(usual)}", f"{_INSTALL}, {_NAME_IT}")
    scheme, separator, rest = given.partition("://")
    if separator and scheme != "unix":
        raise Unavailable(f"a container runtime is asked over a socket of this machine, not over {scheme}", "give unix:///path")
    path = rest if separator else given.removeprefix("unix:")
    if not path.startswith("/"):
        raise Unavailable(f"{given!r} names no socket", "give unix:///path")
    if not there(path):
        raise Unavailable(f"there is no container runtime at {path}", f"{_INSTALL}, or name another socket")
    return path
