"""Starting a container, and a further program in one that runs. Both answer when the program has begun, or cannot."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from typing import Any

from wherry.linux import calls, cgroups, processes, seccomp
from wherry.node.process.helper import rootfs
from wherry.node.process.helper.become import become
from wherry.node.process.helper.close import close_all_but
from wherry.node.process.helper.spawn import Birth, say, spawn
from wherry.node.process.helper.state import Container, Pod, State

Done = Callable[[Birth, dict[str, Any] | None], None]
_JOINED = ("ipc", "uts", "net", "cgroup", "mnt")


def start(state: State, request: dict[str, Any], descriptors: list[int], done: Done) -> tuple[Container, Birth]:
    """Raises KeyError (no such pod), OSError."""
    pod = state.pods[request["pod"]]
    folder = f"{pod.folder}/c{state.number()}"
    os.mkdir(folder)
    container = Container(request["container"], request, folder, _group(state, request))
    own = pod.init or pod.host_pid
    if request["seccomp"]:
        with contextlib.suppress(seccomp.SeccompMissing):  # told by the child
            seccomp.library()
    kept = state.ids

    def child(writer: int) -> None:
        close_all_but([*descriptors, *pod.namespaces.values(), writer])
        for kind in ("net", "ipc", "uts"):
            calls.setns(pod.namespaces[kind])
        if container.group is not None:
            container.group.join()
        calls.unshare(calls.NEWCGROUP)
        say(writer, {"space": processes.own_mount_namespace()})
        rootfs.enter(request, folder, pod.folder, container.group.shown() if container.group is not None else [])
        become(request, descriptors, kept, writer, own_user=False)

    birth = spawn(child, calls.NEWNS | (0 if own else calls.NEWPID), pod.namespaces.get("pid"), done)
    return container, birth


def begun(pod: Pod, container: Container, birth: Birth) -> None:
    """The container's program runs, or ran."""
    container.pid, container.space, container.own_user = birth.pid, birth.space, birth.own_user
    pod.containers[container.id] = container


def execute(state: State, request: dict[str, Any], descriptors: list[int], done: Done) -> Birth:
    """Raises KeyError (no such container), OSError (it just ends)."""
    container = state.container(request["pod"], request["container"])
    inside = {**container.request, **request["process"]}
    spaces = {kind: os.open(f"/proc/{container.pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in (*_JOINED, "pid", "user")}
    kept = state.ids

    def child(writer: int) -> None:
        close_all_but([*descriptors, *spaces.values(), writer])
        if container.group is not None:
            container.group.join()
        for kind in _JOINED:
            calls.setns(spaces[kind])
        if container.own_user:
            calls.setns(spaces["user"])
        become(inside, descriptors, kept, writer, own_user=container.own_user)

    try:
        return spawn(child, 0, spaces["pid"], done)
    finally:
        for descriptor in spaces.values():
            os.close(descriptor)


def update(state: State, container: Container, limits: list[float]) -> None:
    """Other limits, for all of its processes. Raises OSError."""
    wanted = cgroups.Wanted(int(limits[0]), limits[1], int(limits[2]), int(limits[3]))
    if container.group is not None:
        container.group.change(wanted, processes.by_mount_namespace().get(container.space, processes.NONE).pids)


def clear(container: Container) -> None:
    """What it wrote goes with it; its file system went with its last process."""
    shutil.rmtree(container.folder, ignore_errors=True)
    if container.group is not None:
        container.group.remove()


def _group(state: State, request: dict[str, Any]) -> cgroups.Group | None:
    if state.tree is None:
        return None
    return cgroups.Group(state.tree, f"c{state.number()}", cgroups.Wanted(*request["limits"]))

