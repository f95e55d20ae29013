"""A filter of system calls for programs in containers, by the system's libseccomp.

Denied (EPERM) is what the OCI runtimes' default profile is documented to block: calls that reach beyond the namespaces. All others
are allowed, where that profile lists the allowed ones. Source: https://docs.docker.com/engine/security/seccomp/, man 3 seccomp_rule_add.
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Collection

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES = 3
_MASKED_EQUAL = 7
_NO_SUCH_CALL = -1

#: name -> the capability that allows it all the same
DENIED = {
    "acct": "SYS_PACCT", "add_key": "", "bpf": "SYS_ADMIN", "clock_adjtime": "SYS_TIME", "clock_settime": "SYS_TIME",
    "create_module": "", "delete_module": "SYS_MODULE", "finit_module": "SYS_MODULE", "get_kernel_syms": "", "get_mempolicy": "SYS_NICE",
    "init_module": "SYS_MODULE", "io_uring_enter": "", "io_uring_register": "", "io_uring_setup": "", "ioperm": "SYS_RAWIO",
    "iopl": "SYS_RAWIO", "kcmp": "SYS_PTRACE", "kexec_file_load": "SYS_BOOT", "kexec_load": "SYS_BOOT", "keyctl": "",
    "lookup_dcookie": "SYS_ADMIN", "mbind": "SYS_NICE", "mount": "SYS_ADMIN", "mount_setattr": "SYS_ADMIN", "move_mount": "SYS_ADMIN",
    "move_pages": "SYS_NICE", "nfsservctl": "", "open_by_handle_at": "DAC_READ_SEARCH", "open_tree": "SYS_ADMIN",
    "perf_event_open": "SYS_ADMIN", "pivot_root": "", "process_vm_readv": "SYS_PTRACE", "process_vm_writev": "SYS_PTRACE",
    "query_module": "", "quotactl": "SYS_ADMIN", "reboot": "SYS_BOOT", "request_key": "", "set_mempolicy": "SYS_NICE", "setns": "SYS_ADMIN",
    "settimeofday": "SYS_TIME", "swapon": "SYS_ADMIN", "swapoff": "SYS_ADMIN", "sysfs": "", "umount": "SYS_ADMIN", "umount2": "SYS_ADMIN",
    "unshare": "SYS_ADMIN", "uselib": "", "userfaultfd": "", "ustat": "", "vm86": "", "vm86old": "",
}
_NEW_NAMESPACES = 0x7E020000


class SeccompMissing(Exception):
    """libseccomp is not installed, or this kernel has no filters."""


class _Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64)]


def library() -> ctypes.CDLL:
    """Raises SeccompMissing."""
    try:
        found = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        raise SeccompMissing("libseccomp is not installed (Debian: libseccomp2)") from None
    found.seccomp_init.restype = ctypes.c_void_p
    return found


def load(found: ctypes.CDLL, capabilities: Collection[str]) -> None:
    """From here on this process and what it executes are denied those calls that none of its capabilities allow. Raises SeccompMissing."""
    denied = [name for name, needed in DENIED.items() if needed not in capabilities]
    load_denying(found, denied, namespaces="SYS_ADMIN" not in capabilities)


def load_denying(found: ctypes.CDLL, denied: Collection[str], *, namespaces: bool) -> None:
    """`namespaces`: also clone with flags for new ones."""
    refuse = ctypes.c_uint32(_ERRNO | errno.EPERM)
    context = ctypes.c_void_p(found.seccomp_init(ctypes.c_uint32(_ALLOW)))
    try:
        # whoever may do without "no new privileges" does; the caller decides about those
        found.seccomp_attr_set(context, _NO_NEW_PRIVILEGES, ctypes.c_uint32(0))
        for name in denied:
            number = found.seccomp_syscall_resolve_name(name.encode())
            if number != _NO_SUCH_CALL:
                found.seccomp_rule_add(context, refuse, number, ctypes.c_uint(0))
        if namespaces:
            _deny_clone(found, context, refuse)
        result = found.seccomp_load(context)
    finally:
        found.seccomp_release(context)
    if result:
        raise SeccompMissing(f"the filter could not be loaded: error {-result}")


def _deny_clone(found: ctypes.CDLL, context: ctypes.c_void_p, refuse: ctypes.c_uint32) -> None:
    """For each flag of a new namespace; clone3 hides its flags in memory, so it says that it is not there and programs take clone."""
    number = found.seccomp_syscall_resolve_name(b"clone")
    for bit in range(32):
        flag = 1 << bit
        if flag & _NEW_NAMESPACES:
            comparison = _Comparison(0, _MASKED_EQUAL, flag, flag)
            found.seccomp_rule_add_array(context, refuse, number, ctypes.c_uint(1), ctypes.byref(comparison))
    absent = ctypes.c_uint32(_ERRNO | errno.ENOSYS)
    found.seccomp_rule_add(context, absent, found.seccomp_syscall_resolve_name(b"clone3"), ctypes.c_uint(0))
