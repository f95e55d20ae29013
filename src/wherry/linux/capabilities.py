"""Capabilities by name, and giving up all but some of them. Source: man 7 capabilities."""

from __future__ import annotations

from collections.abc import Collection

from wherry.linux import calls

_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST "
    "NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE "
    "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM "
    "BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
NAMES = tuple(_NAMES.split())
SYS_ADMIN, NET_ADMIN = NAMES.index("SYS_ADMIN"), NAMES.index("NET_ADMIN")
#: what containers have unless told otherwise: the OCI runtimes' common default
DEFAULT = frozenset((
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT",
    "MKNOD", "AUDIT_WRITE", "SETFCAP",
))


def wanted(add: Collection[str], drop: Collection[str]) -> frozenset[str]:
    """The default set with these changes. Raises ValueError for what is no capability's name."""
    added, dropped = {_plain(name) for name in add}, {_plain(name) for name in drop}
    unknown = sorted((added | dropped) - {*NAMES, "ALL"})
    if unknown:
        raise ValueError(f"unknown capability {unknown[0]!r}")
    base = set(NAMES) if "ALL" in added else set() if "ALL" in dropped else set(DEFAULT)
    return frozenset((base - dropped) | (added - {"ALL"}))


def keep_only(names: Collection[str]) -> None:
    """What this process executes from here on can have these at most."""
    for number, name in enumerate(NAMES):
        if name in names:
            continue
        try:
            there = calls.bounds_capability(number)
        except OSError:
            return  # an older kernel, which knows no further ones either
        if there:
            calls.drop_bounded_capability(number)
    calls.clear_ambient_capabilities()


def has_effective(number: int) -> bool:
    """May this process use that capability?"""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("CapEff:"))
    return bool(int(line.split()[1], 16) >> number & 1)


def _plain(name: str) -> str:
    return name.upper().removeprefix("CAP_")
