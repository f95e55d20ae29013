"""Mounts by their usual names, over `calls`. In a mount namespace of one's own; targets are resolved where the caller stands."""

from __future__ import annotations

import os

from wherry.linux import calls

NOSUID, NODEV, NOEXEC, RDONLY = 2, 4, 8, 1
_REMOUNT, _BIND, _REC, _PRIVATE, _DETACH = 32, 4096, 16384, 1 << 18, 2


def make_private() -> None:
    """Nothing mounted here shows elsewhere, nor the other way round."""
    calls.mount("none", "/", "", _REC | _PRIVATE)


def tmpfs(target: str, *, size: int = 0, mode: int = 0o755, flags: int = NOSUID | NODEV) -> None:
    options = f"mode={mode:o}" + (f",size={size}" if size else "")
    calls.mount("tmpfs", target, "tmpfs", flags, options)


def proc(target: str) -> None:
    calls.mount("proc", target, "proc", NOSUID | NODEV | NOEXEC)


def sysfs(target: str, *, read_only: bool) -> None:
    calls.mount("sysfs", target, "sysfs", NOSUID | NODEV | NOEXEC | (RDONLY if read_only else 0))


def devpts(target: str) -> None:
    calls.mount("devpts", target, "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=0620")


def mqueue(target: str) -> None:
    calls.mount("mqueue", target, "mqueue", NOSUID | NODEV | NOEXEC)


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """With what is mounted below `source`."""
    calls.mount(source, target, "", _BIND | _REC)
    if read_only:
        calls.set_read_only(target, recursive=True)


def overlay(target: str, lowers: str, upper: str, work: str, flags: int = NODEV) -> None:
    """`lowers`: directories, the topmost first, joined by `:`. Marks of deletion are kept in `user.` attributes, which anyone may set."""
    calls.mount("overlay", target, "overlay", flags, f"lowerdir={lowers},upperdir={upper},workdir={work},userxattr")


def detach(target: str) -> None:
    """Gone from here at once; from the machine with its last user."""
    calls.unmount(target, _DETACH)


def enter_root(root: str) -> int:
    """Make `root` (a mount) the root directory. A descriptor of the old one, from which can be bound until `leave_root`."""
    old = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    os.chdir(root)
    calls.pivot_root(".", ".")
    os.chdir("/")
    return old


def leave_root(old: int) -> None:
    os.fchdir(old)
    calls.unmount(".", _DETACH)
    os.chdir("/")
    os.close(old)
