"""User namespaces and which ids exist in them: all (no namespace), a range (newuidmap and /etc/subuid), or a single one.

Source: man 7 user_namespaces, man 5 subuid, man 1 newuidmap.
"""

from __future__ import annotations

import os
from typing import NamedTuple

_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")


class Range(NamedTuple):
    """`length` ids of the machine from `first` on belong to the user."""

    first: int
    length: int


class SubIds(NamedTuple):
    """What an administrator set aside for a user, and the programs that may map it."""

    users: Range
    groups: Range
    newuidmap: str
    newgidmap: str


def sub_ids(uid: int, name: str) -> SubIds | None:
    """None where a user has no ids set aside or the package `uidmap` is not installed."""
    tools = [_program(tool) for tool in ("newuidmap", "newgidmap")]
    ranges = [parse_range(_read(path), uid, name) for path in ("/etc/subuid", "/etc/subgid")]
    if None in tools or None in ranges:
        return None
    users, groups = ranges
    assert users is not None
    assert groups is not None
    return SubIds(users, groups, str(tools[0]), str(tools[1]))


def parse_range(text: str, uid: int, name: str) -> Range | None:
    """The first line of /etc/subuid for that user."""
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 3 and fields[0] in (name, str(uid)) and fields[1].isdecimal() and fields[2].strip().isdecimal():
            return Range(int(fields[1]), int(fields[2]))
    return None


def map_single(inside_uid: int, outside_uid: int, inside_gid: int, outside_gid: int) -> None:
    """Of the user namespace that this process just made. Groups cannot be changed in it afterwards."""
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{inside_uid} {outside_uid} 1")
    write("/proc/self/gid_map", f"{inside_gid} {outside_gid} 1")


def map_command(tool: str, pid: int, own: int, sub: Range) -> list[str]:
    """The command that gives process `pid` its own id as 0 and the range from 1 on."""
    return [tool, str(pid), "0", str(own), "1", "1", str(sub.first), str(sub.length)]


def become_root() -> None:
    """Id 0 of the namespace just mapped."""
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _program(name: str) -> str | None:
    return next((path for folder in _FOLDERS if os.access(path := f"{folder}/{name}", os.X_OK)), None)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
