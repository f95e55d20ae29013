"""What pods take of their node: memory and processes as the engine tells, bytes on its disk as the folders are.

Called by `pressure` and for the reports. Folders are walked in a thread; what disappears meanwhile or cannot be read counts nothing.
Source of what counts: pkg/kubelet/server/stats (ephemeral storage is writable layers, logs and local volumes), pkg/volume/emptydir.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from wherry.node.engine import Usage
from wherry.rules.pods.kubelet.eviction import ContainerUse, Observation, PodUse

_BLOCK = 512


class Folders(NamedTuple):
    """Of a pod: its empty volumes (on disk, in memory) and its containers' logs, by name, and the ids of containers that run."""

    volumes: Mapping[str, Path]
    memory_volumes: Mapping[str, Path]
    logs: Mapping[str, Path]
    running: Mapping[str, str]


def pods(folders: Mapping[str, Folders], used: Mapping[str, Usage]) -> dict[str, PodUse]:
    """By uid. Blocking."""
    return {uid: _pod(those, used) for uid, those in folders.items()}


def _pod(folders: Folders, used: Mapping[str, Usage]) -> PodUse:
    containers = {}
    for name, path in folders.logs.items():
        use = used.get(folders.running.get(name, ""))
        logs = size(path)
        containers[name] = ContainerUse(use.memory, use.written, logs) if use is not None else ContainerUse(0, 0, logs)
    running = [use for id_ in folders.running.values() if (use := used.get(id_)) is not None]
    on_disk, in_memory = ({name: size(path) for name, path in those.items()} for those in (folders.volumes, folders.memory_volumes))
    return PodUse(containers, on_disk, in_memory, sum(use.processes for use in running))


def size(folder: Path) -> int:
    """Bytes on the disk of all that is below it."""
    total = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        try:
            total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
            if entry.is_dir(follow_symlinks=False):
                total += size(Path(entry.path))
        except OSError:
            continue
    return total


def machine(folder: Path) -> dict[str, Observation]:
    """The signals of pressure: memory, the disk that `folder` is on (images are on the same), process numbers. Blocking, and quick."""
    disk = os.statvfs(folder)
    space = Observation(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize)
    found = {"nodefs.available": space, "imagefs.available": space}
    if disk.f_files:
        found["nodefs.inodesFree"] = found["imagefs.inodesFree"] = Observation(disk.f_favail, disk.f_files)
    memory = _memory()
    if memory is not None:
        found["memory.available"] = memory
    numbers = _numbers()
    if numbers is not None:
        found["pid.available"] = numbers
    return found


def _memory() -> Observation | None:
    sizes = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in _read("/proc/meminfo").splitlines() if line}
    if "MemAvailable" not in sizes:
        return None
    return Observation(sizes["MemAvailable"], sizes["MemTotal"])


def _numbers() -> Observation | None:
    """Of processes and threads, as far as the machine says how many there may be."""
    try:
        most = min(int(_read("/proc/sys/kernel/pid_max")), int(_read("/proc/sys/kernel/threads-max")))
        there = int(_read("/proc/loadavg").split()[3].partition("/")[2])
    except (ValueError, IndexError):
        return None
    return Observation(most - there, most)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
