"""What to tell a user whose machine refuses namespaces: from the step that failed, its error and what the system says about itself.

Source: man 7 user_namespaces; https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces; Docker on --security-opt.
"""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

from wherry.node.engine import Unavailable

_IN_CONTAINER = "in a container, run it with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`"


class System(NamedTuple):
    """What /proc/sys says; None where there is no such switch."""

    apparmor_restricts: bool | None
    users_allowed: bool | None
    most_namespaces: int | None
    filtered: bool


def look() -> System:
    apparmor = _number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    clone = _number("/proc/sys/kernel/unprivileged_userns_clone")
    most = _number("/proc/sys/user/max_user_namespaces")
    return System(None if apparmor is None else bool(apparmor), None if clone is None else bool(clone), most, _filtered())


def explain(step: str, number: int, text: str, system: System) -> Unavailable:
    """`step`: where the helper was; `number`: the kernel's error."""
    if step == "newuidmap":
        return Unavailable("newuidmap does not map the ids of /etc/subuid and /etc/subgid",
                           "mend the lines of this user there, or uninstall the package uidmap to run with a single id")
    if number == errno.ENOSPC or system.most_namespaces == 0:
        return Unavailable(f"user namespaces are used up or forbidden (user.max_user_namespaces is {system.most_namespaces})",
                           "sudo sysctl -w user.max_user_namespaces=15000, or run as root")
    if system.users_allowed is False:
        return Unavailable("user namespaces are for root alone here (kernel.unprivileged_userns_clone is 0)",
                           "sudo sysctl -w kernel.unprivileged_userns_clone=1, or run as root")
    if system.apparmor_restricts and number in (errno.EPERM, errno.EACCES):
        return Unavailable("AppArmor takes all capabilities from user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
                           "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root")
    if step == "mount proc" and number == errno.EPERM:
        return Unavailable("parts of /proc are hidden, so the kernel refuses a new one", _IN_CONTAINER)
    if number == errno.EPERM and system.filtered:
        return Unavailable(f"a seccomp filter forbids namespaces ({step}: {text})", _IN_CONTAINER)
    return Unavailable(f"the kernel refuses namespaces ({step}: {text})", "run as root, or on a Linux that allows user namespaces")


def _number(path: str) -> int | None:
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _filtered() -> bool:
    """Does a filter of system calls hold for this process?"""
    try:
        with open(f"/proc/{os.getpid()}/status") as file:
            return any(line.startswith("Seccomp:") and line.split()[1] == "2" for line in file)
    except OSError:
        return False
