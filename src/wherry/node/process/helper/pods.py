"""A pod before its containers: namespaces that they share, held by descriptors (no process is needed), its network, its scratch space."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

from wherry.linux import calls, ids, mounts, processes
from wherry.node.process.helper import network
from wherry.node.process.helper.close import close_all_but
from wherry.node.process.helper.state import Pod, State

_SHARED_MEMORY = 64 << 20
_FILES = {"resolv.conf": "", "hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"}


def run_pod(state: State, request: dict[str, Any]) -> None:
    """Raises OSError (with nothing left of the pod), KeyError when its node is not in the fabric."""
    node = state.pods[request["place"]] if request["place"] else None
    pod = Pod(request["id"], host_pid=request["host_pid"])
    try:
        _make_namespaces(state, pod, request, shared=node)
        if node is None:
            network.connect(state, pod, request["addresses"])
        _make_folder(state, pod, request)
        if request["share_processes"]:
            _make_init(pod)
    except BaseException:
        _undo(pod)
        raise
    state.pods[pod.id] = pod


def add_node(state: State, request: dict[str, Any]) -> None:
    """A node's network, which its host-network pods share. Given twice is given once."""
    if request["id"] in state.pods:
        return
    pod = Pod(request["id"])
    try:
        _make_namespaces(state, pod, {"hostname": request["name"], "domain": "", "sysctls": []}, shared=None)
        network.connect(state, pod, request["addresses"])
    except BaseException:
        _undo(pod)
        raise
    state.pods[pod.id] = pod


def remove_pod(state: State, id: str) -> None:
    """Kill what runs in it. The kernel takes the veth along with the last process in the namespace."""
    pod = state.pods.pop(id, None)
    if pod is None:
        return
    for container in pod.containers.values():
        kill_container(pod, container.pid, container.space)
    _undo(pod)


def kill_container(pod: Pod, pid: int, space: int) -> None:
    """All of its processes: with process 1 of its own namespace the kernel kills the rest, otherwise they are told by their mounts."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if pod.init or pod.host_pid:
        use = processes.by_mount_namespace().get(space)
        for other in use.pids if use else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)


def _make_namespaces(state: State, pod: Pod, request: dict[str, Any], shared: Pod | None) -> None:
    """The helper enters new ones for a moment, keeps their descriptors, and goes back."""
    calls.unshare(calls.NEWIPC | calls.NEWUTS | (0 if shared else calls.NEWNET))
    try:
        calls.set_host_name(request["hostname"], request["domain"])
        for kind in ("ipc", "uts", "net"):
            pod.namespaces[kind] = os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
        if shared:
            os.close(pod.namespaces["net"])
            pod.namespaces["net"] = os.dup(shared.namespaces["net"])
        else:
            ids.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")
        for name, value in request["sysctls"]:
            ids.write(f"/proc/sys/{name.replace('.', '/')}", value)
    finally:
        for descriptor in state.own.values():
            calls.setns(descriptor)


def _make_folder(state: State, pod: Pod, request: dict[str, Any]) -> None:
    """A memory file system of its own: a pod that fills its scratch space fills nobody else's, and it goes in one step."""
    folder = f"{state.scratch}/p{state.number()}"
    os.mkdir(folder)
    mounts.tmpfs(folder, size=request["scratch"], mode=0o711)
    pod.folder = folder
    os.mkdir(f"{folder}/shm")
    mounts.tmpfs(f"{folder}/shm", size=_SHARED_MEMORY, mode=0o1777)
    for name, text in {**_FILES, "hostname": request["hostname"] + "\n"}.items():
        ids.write(f"{folder}/{name}", text)


def _make_init(pod: Pod) -> None:
    """Process 1 of the pod's process namespace: it collects what others leave."""
    pid = calls.clone(calls.NEWPID)
    if pid:
        pod.init = pid
        pod.namespaces["pid"] = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        return
    try:
        signal.set_wakeup_fd(-1)
        close_all_but([])
        ids.write("/proc/self/comm", "pause")
        calls.set_command_line("/pause")
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            signal.pause()
    finally:
        os._exit(1)


def _undo(pod: Pod) -> None:
    if pod.init:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pod.init, signal.SIGKILL)
    pod.close()
    if pod.folder:
        for folder in (f"{pod.folder}/shm", pod.folder):
            with contextlib.suppress(OSError):
                mounts.detach(folder)
        os.rmdir(pod.folder)
