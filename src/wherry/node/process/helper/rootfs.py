"""A container's file system: its root from image layers or the host's own, then /proc, /dev and the rest, then its volumes.

Runs in the container's first process, in its mount namespace. What is on the host is opened before the root is changed, and mount targets
are resolved after it: links in an image lead nowhere else. Nothing is imported after the change.
Source: the OCI runtime specification, config-linux (default file systems, masked and read-only paths).
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from wherry.linux import calls, mounts

#: top folders of the host that a container of image `host` sees, to be written over
_HOST = ("usr", "etc", "var", "opt", "srv", "bin", "sbin", "lib", "lib64", "lib32", "nix", "gnu")
#: and those that are its own
_OWN = {"proc": 0o555, "sys": 0o555, "dev": 0o755, "tmp": 0o1777, "run": 0o755, "root": 0o700, "home": 0o755, "mnt": 0o755, "media": 0o755}
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}
_MASKED = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
           "/proc/scsi", "/sys/firmware")
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class Source(NamedTuple):
    """An open file or folder of the host, and where it goes. `descriptor` -1: memory."""

    descriptor: int
    target: str
    read_only: bool
    size: int
    mode: int


def enter(request: dict[str, Any], folder: str, pod_folder: str, groups: list[tuple[str, str]]) -> None:
    """Build it below `folder` and make it the root. `groups`: as `cgroups.Group.shown` gives them. Raises OSError."""
    sources = [_open(mount) for mount in _with_pod_files(request["mounts"], pod_folder)]
    root = f"{folder}/root"
    for name in ("root", "upper", "work"):
        os.mkdir(f"{folder}/{name}")
    parts = _mount_layers(request, folder, root) if request["layers"] else _mount_host(folder, root, [source.target for source in sources])
    _mount_system(root, request, f"{pod_folder}/shm")
    _mount_groups(root, groups)
    old = mounts.enter_root(root)
    for source in sources:
        _mount_volume(source)
    mounts.leave_root(old)
    if request["masked"]:
        _mask()
    os.makedirs(request["cwd"], exist_ok=True)
    if request["read_only"]:
        for part in parts:
            calls.set_read_only(part, recursive=False)


def _mount_layers(request: dict[str, Any], folder: str, root: str) -> list[str]:
    # relative names, because the kernel takes one page of options
    os.chdir(request["layers_folder"])
    mounts.overlay(root, request["layers"], f"{folder}/upper", f"{folder}/work")
    for name in ("proc", "sys", "dev"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    return ["/"]


def _mount_host(folder: str, root: str, targets: list[str]) -> list[str]:
    """An overlay for each top folder: one of `/` itself is refused where other mounts lie below it. `targets`: what is mounted later."""
    _make_room(folder, targets)
    mounts.bind(root, root)  # a mount of its own, and what is written there is in the pod's scratch space
    parts = ["/"]
    for name in _HOST:
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
        elif os.path.isdir(f"/{name}"):
            os.mkdir(f"{root}/{name}")
            if _mount_host_part(folder, root, name):
                parts.append(f"/{name}")
    for name, mode in _OWN.items():
        os.mkdir(f"{root}/{name}")
        os.chmod(f"{root}/{name}", mode)
    return parts


def _make_room(folder: str, targets: list[str]) -> None:
    """Folders for mount targets that the host does not have: made in the upper layer, as its own are not everybody's to write in."""
    for target in targets:
        path = os.path.realpath(target)
        top = path.split("/")[1]
        if top in _HOST and os.path.isdir(f"/{top}") and not os.path.lexists(path):
            os.makedirs(f"{folder}/upper{os.path.dirname(path)}", exist_ok=True)


def _mount_host_part(folder: str, root: str, name: str) -> bool:
    """False: other mounts are locked in it (as /etc in a container of Docker), so it is there to be read only."""
    for layer in ("upper", "work"):
        os.makedirs(f"{folder}/{layer}/{name}", exist_ok=True)
    try:
        mounts.overlay(f"{root}/{name}", f"/{name}", f"{folder}/upper/{name}", f"{folder}/work/{name}")
    except OSError:
        mounts.bind(f"/{name}", f"{root}/{name}", read_only=True)
        return False
    return True


# --- what every container has ---
def _mount_system(root: str, request: dict[str, Any], shared_memory: str) -> None:
    mounts.proc(f"{root}/proc")
    try:
        mounts.sysfs(f"{root}/sys", read_only=not request["privileged"])
    except OSError:
        # where the machine's own is hidden in part, a new one would show what is hidden
        mounts.bind("/sys", f"{root}/sys", read_only=True)
    device = f"{root}/dev"
    mounts.tmpfs(device, flags=mounts.NOSUID, size=64 << 10)
    for name in _DEVICES:
        os.close(os.open(f"{device}/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        mounts.bind(f"/dev/{name}", f"{device}/{name}")
    for name in ("shm", "pts", "mqueue"):
        os.mkdir(f"{device}/{name}")
    mounts.devpts(f"{device}/pts")
    mounts.mqueue(f"{device}/mqueue")
    mounts.bind(shared_memory, f"{device}/shm")
    for name, target in _LINKS.items():
        os.symlink(target, f"{device}/{name}")


def _mount_groups(root: str, groups: list[tuple[str, str]]) -> None:
    """The container's own control groups, where programs look what they may take; others' are not to be seen."""
    place = f"{root}/sys/fs/cgroup"
    if not os.path.isdir(place):
        return
    if groups and not groups[0][0]:
        mounts.bind(groups[0][1], place, read_only=True)
        return
    mounts.tmpfs(place, flags=mounts.NOSUID | mounts.NODEV | mounts.NOEXEC, size=4 << 10)
    for name, folder in groups:
        os.mkdir(f"{place}/{name}")
        mounts.bind(folder, f"{place}/{name}", read_only=True)
    calls.set_read_only(place, recursive=False)


def _mask() -> None:
    """What of /proc and /sys says too much, or changes the machine where this is no user namespace."""
    for path in _MASKED:
        if os.path.isdir(path):
            mounts.tmpfs(path, flags=mounts.RDONLY | mounts.NOSUID | mounts.NODEV)
        elif os.path.exists(path):
            mounts.bind("/dev/null", path)
    for path in _READ_ONLY:
        if os.path.exists(path):
            mounts.bind(path, path, read_only=True)


# --- volumes ---
def _with_pod_files(wanted: list[list[Any]], pod_folder: str) -> list[list[Any]]:
    """The pod's files in /etc, unless the pod brings its own; parents before what lies below them."""
    given = {target for _, target, *_ in wanted}
    pod_files = [[f"{pod_folder}/{name}", f"/etc/{name}", False, 0, 0] for name in ("hostname", "hosts", "resolv.conf")]
    every = [*(mount for mount in pod_files if mount[1] not in given), *wanted]
    return sorted(every, key=lambda mount: len([part for part in mount[1].split("/") if part]))


def _open(mount: list[Any]) -> Source:
    path, target, read_only, size, mode = mount
    if not path:
        return Source(-1, target, read_only, size, mode)
    return Source(os.open(path, os.O_PATH | os.O_CLOEXEC), target, read_only, size, mode)


def _mount_volume(source: Source) -> None:
    target = os.path.realpath("/" + source.target)
    if source.descriptor < 0:
        os.makedirs(target, exist_ok=True)
        mounts.tmpfs(target, size=source.size, mode=source.mode)
        if source.read_only:
            calls.set_read_only(target, recursive=False)
        return
    path = f"/proc/self/fd/{source.descriptor}"
    _make_target(target, folder=os.path.isdir(path))
    mounts.bind(path, target, read_only=source.read_only)
    os.close(source.descriptor)


def _make_target(target: str, *, folder: bool) -> None:
    if folder:
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
