"""Control groups: what a group of processes may take, in either layout of the kernel. Where none is writable there is no tree.

A tree is one directory of ours per hierarchy; below it a group for each box. What limits come to is a table of file -> text, so it can
be looked at. Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/.
"""

from __future__ import annotations

import os
from typing import NamedTuple

_ROOT = "/sys/fs/cgroup"
_V1 = ("memory", "cpu", "pids")
_PERIOD = 100_000
#: of who asked for nothing
_LEAST_SHARES = 2


class Wanted(NamedTuple):
    """Bytes, cores, shares (1024 a core), processes; 0 is none."""

    memory: int = 0
    cpu: float = 0.0
    shares: int = 0
    processes: int = 0


class Tree(NamedTuple):
    """`hierarchies`: controller -> our directory of it; one for all in version 2."""

    version: int
    hierarchies: dict[str, str]

    @property
    def folders(self) -> list[str]:
        return sorted(set(self.hierarchies.values()))


def sweep(prefix: str, root: str = _ROOT) -> None:
    """Trees PREFIX-PID-... of processes that are gone, without anyone who removed them."""
    for controller in _V1:
        try:
            entries = [entry for entry in os.scandir(f"{root}/{controller}") if entry.name.startswith(f"{prefix}-")]
        except OSError:
            continue
        for entry in entries:
            pid = entry.name.removeprefix(f"{prefix}-").partition("-")[0]
            if pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
                remove_tree([entry.path])


def make_tree(name: str, root: str = _ROOT) -> Tree | None:
    """A tree of that name where this process may; None where nothing was delegated to it."""
    if os.path.exists(f"{root}/cgroup.controllers"):
        return _make_v2(name, root)
    found = {}
    for controller in _V1:
        folder = f"{root}/{controller}/{name}"
        try:
            os.mkdir(folder)
        except OSError:
            continue
        found[controller] = folder
    return Tree(1, found) if found else None


def _make_v2(name: str, root: str) -> Tree | None:
    """Below this process's own group, if it may hand controllers on (it must hold no process then, or be the root)."""
    with open("/proc/self/cgroup") as file:
        own = root + file.read().strip().rpartition("::")[2].rstrip("/")
    folder = f"{own}/{name}"
    try:
        os.mkdir(folder)
    except OSError:
        return None
    try:
        _enable(own)
        _enable(folder)
    except OSError:
        os.rmdir(folder)
        return None
    with open(f"{folder}/cgroup.controllers") as file:
        return Tree(2, {controller: folder for controller in file.read().split() if controller in _V1})


def _enable(folder: str) -> None:
    with open(f"{folder}/cgroup.controllers") as file:
        there = [name for name in file.read().split() if name in _V1]
    with open(f"{folder}/cgroup.subtree_control", "w") as file:
        file.write(" ".join(f"+{name}" for name in there))


def files(version: int, wanted: Wanted) -> list[tuple[str, str, str]]:
    """(controller, file, text) to write into a new group, in order."""
    return _files_v2(wanted) if version == 2 else _files_v1(wanted)


def _files_v1(wanted: Wanted) -> list[tuple[str, str, str]]:
    out = []
    if wanted.memory:
        out.append(("memory", "memory.limit_in_bytes", str(wanted.memory)))
    if wanted.cpu:
        out.append(("cpu", "cpu.cfs_period_us", str(_PERIOD)))
        out.append(("cpu", "cpu.cfs_quota_us", str(max(int(wanted.cpu * _PERIOD), 1000))))
    if wanted.shares:
        out.append(("cpu", "cpu.shares", str(max(wanted.shares, _LEAST_SHARES))))
    if wanted.processes:
        out.append(("pids", "pids.max", str(wanted.processes)))
    return out


def _files_v2(wanted: Wanted) -> list[tuple[str, str, str]]:
    out = []
    if wanted.memory:
        out.append(("memory", "memory.max", str(wanted.memory)))
        out.append(("memory", "memory.swap.max", "0"))
        # one of its processes does not go on without another
        out.append(("memory", "memory.oom.group", "1"))
    if wanted.cpu:
        out.append(("cpu", "cpu.max", f"{max(int(wanted.cpu * _PERIOD), 1000)} {_PERIOD}"))
    if wanted.shares:
        # the kernel's documented way from 2..262144 to 1..10000
        out.append(("cpu", "cpu.weight", str(1 + (min(max(wanted.shares, _LEAST_SHARES), 262144) - 2) * 9999 // 262142)))
    if wanted.processes:
        out.append(("pids", "pids.max", str(wanted.processes)))
    return out


def unlimited(version: int, before: Wanted, after: Wanted) -> list[tuple[str, str, str]]:
    """What is to be written for limits that are no longer there."""
    none = {"memory": ("memory.limit_in_bytes", "-1"), "cpu": ("cpu.cfs_quota_us", "-1"), "shares": ("cpu.shares", "2"),
            "processes": ("pids.max", "max")}
    none2 = {"memory": ("memory.max", "max"), "cpu": ("cpu.max", "max"), "shares": ("cpu.weight", "1"), "processes": ("pids.max", "max")}
    controllers = {"memory": "memory", "cpu": "cpu", "shares": "cpu", "processes": "pids"}
    gone = [name for name in Wanted._fields if getattr(before, name) and not getattr(after, name)]
    return [(controllers[name], *(none2 if version == 2 else none)[name]) for name in gone]


class Group:
    """A group below a tree. It is there in all hierarchies, so that whoever looks finds it, and joined in those alone that have something
    to limit: to join one takes the kernel milliseconds.

    Its limits hold for whoever joined.
    """

    def __init__(self, tree: Tree, name: str, wanted: Wanted) -> None:
        self._tree, self._wanted = tree, wanted
        self._of = {controller: f"{above}/{name}" for controller, above in tree.hierarchies.items()}
        self.folders = sorted(set(self._of.values()))
        for folder in self.folders:
            os.mkdir(folder)
        self._joined = self._limited()
        self._set(files(tree.version, wanted))

    def change(self, wanted: Wanted, pids: tuple[int, ...]) -> None:
        """Other limits. A hierarchy that had nothing to limit before takes in the processes now. Raises OSError."""
        self._wanted, before = wanted, self._wanted
        for folder in sorted(self._limited() - self._joined):
            self._joined.add(folder)
            for pid in pids:
                _write(f"{folder}/cgroup.procs", str(pid))
        self._set(unlimited(self._tree.version, before, wanted) + files(self._tree.version, wanted))

    def join(self) -> None:
        """This process, and what it makes from here on."""
        for folder in sorted(self._joined):
            _write(f"{folder}/cgroup.procs", "0")

    def shown(self) -> list[tuple[str, str]]:
        """What whoever is in it finds below /sys/fs/cgroup: (name there, directory); the name is "" where all is one directory."""
        return [("", folder) for folder in self.folders] if self._tree.version == 2 else list(self._of.items())

    def _limited(self) -> set[str]:
        """Its directories that have something to limit."""
        memory, cpu, shares, processes = self._wanted
        has = {"memory": bool(memory), "cpu": bool(cpu) or shares > _LEAST_SHARES, "pids": bool(processes)}
        return {folder for controller, folder in self._of.items() if has[controller]}

    def _set(self, texts: list[tuple[str, str, str]]) -> None:
        for controller, file, text in texts:
            if controller in self._of:
                _write(f"{self._of[controller]}/{file}", text, optional=file in ("memory.swap.max", "memory.oom.group"))

    @property
    def _memory(self) -> str:
        """The directory that counts the memory of all that is in it, "" where none does."""
        folder = self._of.get("memory", "")
        return folder if folder in self._joined else ""

    def out_of_memory(self) -> bool:
        """Did the kernel kill something in it for want of memory?"""
        if not self._memory:
            return False
        name = "memory.events" if self._tree.version == 2 else "memory.oom_control"
        try:
            with open(f"{self._memory}/{name}") as file:
                return any(line.startswith("oom_kill ") and int(line.split()[1]) for line in file)
        except OSError:
            return False

    def memory(self) -> int | None:
        """Its working set in bytes: what is used less what could be dropped at once. None where no one counts."""
        if not self._memory:
            return None
        names = (("memory.usage_in_bytes", "total_inactive_file"), ("memory.current", "inactive_file"))
        current, inactive = names[self._tree.version == 2]
        try:
            with open(f"{self._memory}/{current}") as file:
                used = int(file.read())
            with open(f"{self._memory}/memory.stat") as file:
                idle = next((int(line.split()[1]) for line in file if line.startswith(f"{inactive} ")), 0)
        except OSError:
            return None
        return max(used - idle, 0)

    def remove(self) -> bool:
        """False while something in it is still ending."""
        return not [folder for folder in self.folders if not _remove(folder)]


def remove_tree(folders: list[str]) -> None:
    """With the groups in it, whose processes have ended."""
    for folder in folders:
        try:
            inside = [entry.path for entry in os.scandir(folder) if entry.is_dir()]
        except OSError:
            continue
        for path in [*inside, folder]:
            _remove(path)


def _remove(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _write(path: str, text: str, *, optional: bool = False) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        if not optional:
            raise
