"""What processes use, from /proc, grouped by the mount namespace they live in. One pass for all groups. Source: man 5 proc."""

from __future__ import annotations

import os
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Use(NamedTuple):
    """`cpu`: seconds of one core, also of children that were waited for; `memory`: bytes resident."""

    cpu: float
    memory: int
    pids: tuple[int, ...]


#: of a group that has none
NONE = Use(0.0, 0, ())


def mount_namespace(pid: int) -> int:
    """Its number. Raises OSError when the process is gone."""
    return os.stat(f"/proc/{pid}/ns/mnt").st_ino


def own_mount_namespace() -> int:
    return os.stat("/proc/self/ns/mnt").st_ino


def by_mount_namespace() -> dict[int, Use]:
    """Of all processes that are to be seen here."""
    found: dict[int, Use] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            space = mount_namespace(int(entry))
            cpu, memory = _use(entry)
        except (OSError, IndexError):
            continue  # it ended meanwhile
        before = found.get(space, Use(0.0, 0, ()))
        found[space] = Use(before.cpu + cpu, before.memory + memory, (*before.pids, int(entry)))
    return found


def proportional_memory(pids: tuple[int, ...]) -> int:
    """Bytes, with pages that several of them share counted once. Slower than a look at what is resident."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
        except (OSError, StopIteration):
            continue
    return total


def _use(pid: str) -> tuple[float, int]:
    with open(f"/proc/{pid}/stat") as file:
        # the name before may hold anything, also blanks and brackets
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS, int(fields[21]) * _PAGE
