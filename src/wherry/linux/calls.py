"""System calls that Python lacks, by ctypes. Called by the other modules here and by helper processes of one thread.

Every function raises OSError with the kernel's error and the call's name. Imports the standard library alone: a helper runs without
site-packages. Source: man 2 clone, unshare, setns, mount, mount_setattr, pivot_root, prctl.
"""

from __future__ import annotations

import ctypes
import os
import struct

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000,
)
CLONE_PARENT = 0x8000
SIGCHLD = 17

_ARM = os.uname().machine == "aarch64"
#: numbers of calls for which the C library has no function (x86-64 and arm64)
_CLONE, _PIVOT_ROOT, _MOUNT_SETATTR, _OPENAT2 = 220 if _ARM else 56, 41 if _ARM else 155, 442, 437

_PR_SET_PDEATHSIG, _PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 23, 24, 38, 47
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_RESOLVE_IN_ROOT, _RESOLVE_NO_MAGICLINKS = 0x10, 0x02

_libc = ctypes.CDLL(None, use_errno=True)


def words(error: OSError) -> str:
    """What happened to what, without the number."""
    said = error.strerror or str(error)
    return f"{os.fsdecode(error.filename)}: {said}" if isinstance(error.filename, str | bytes) else said


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int) -> None:
    """Join the namespace that the descriptor is of."""
    _checked(_libc.setns(descriptor, 0), "setns")


def clone(flags: int) -> int:
    """As fork, with those flags: 0 in the child. Only in processes with one thread: nothing of the interpreter is told."""
    return _checked(_libc.syscall(_CLONE, ctypes.c_ulong(flags | SIGCHLD), None, None, None, None), "clone")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    data = options.encode() or None
    result = _libc.mount(os.fsencode(source), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), data)
    _checked(result, f"mount {kind or source} on {target}")


def unmount(target: str, flags: int) -> None:
    _checked(_libc.umount2(os.fsencode(target), flags), f"unmount {target}")


def pivot_root(new: str, old: str) -> None:
    _checked(_libc.syscall(_PIVOT_ROOT, os.fsencode(new), os.fsencode(old)), "pivot_root")


def set_read_only(path: str, *, recursive: bool) -> None:
    """The mount at `path` (and those below it) takes no writes from here on."""
    attributes = struct.pack("QQQQ", _ATTR_RDONLY, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    _checked(_libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), flags, attributes, len(attributes)), f"mount_setattr {path}")


def open_in_root(root: int, path: str, flags: int, mode: int = 0) -> int:
    """Open `path` as if the directory `root` were `/`: no link, absolute or with `..`, leads out of it."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    return _checked(_libc.syscall(_OPENAT2, root, os.fsencode(path), how, len(how)), f"open {path}")


def set_host_name(name: str, domain: str = "") -> None:
    _checked(_libc.sethostname(name.encode(), len(name.encode())), "sethostname")
    if domain:
        _checked(_libc.setdomainname(domain.encode(), len(domain.encode())), "setdomainname")


def die_with_parent(signal: int) -> None:
    """The kernel sends that signal when the thread that forked this process ends."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def no_new_privileges() -> None:
    """What is executed from here on gains nothing by set-user-ID bits or file capabilities."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def bounds_capability(number: int) -> bool:
    """Is the capability in this process's bounding set? Raises OSError(EINVAL) for one the kernel does not know."""
    return bool(_prctl(_PR_CAPBSET_READ, number))


def drop_bounded_capability(number: int) -> None:
    _prctl(_PR_CAPBSET_DROP, number)


def clear_ambient_capabilities() -> None:
    _prctl(_PR_CAP_AMBIENT, 4)


def _prctl(option: int, argument: int) -> int:
    zero = ctypes.c_ulong(0)
    return _checked(_libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero), f"prctl {option}")


def set_command_line(text: str) -> None:
    """What /proc/PID/cmdline shows of this process from here on. Nothing happens where there is too little room.

    The kernel shows the text up to its first zero once the last byte of the old arguments is none (see get_mm_cmdline).
    """
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    room = end - start
    new = text.encode() + b"\0"
    if len(new) < room:
        ctypes.memmove(start, new.ljust(room - 1, b"\0") + b"\1", room)
