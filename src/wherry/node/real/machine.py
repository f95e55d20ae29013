"""What this machine is and has, as its nodes say it. Called once, when real nodes are built.

Source of the fields: pkg/kubelet/nodestatus, cadvisor's machine info.
"""

from __future__ import annotations

import os
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def capacity(folder: Path, pods: int) -> dict[str, str]:
    """CPUs, memory, disk of `folder`, and so many pods."""
    disk = os.statvfs(folder)
    return {
        "cpu": str(os.cpu_count() or 1),
        "ephemeral-storage": f"{disk.f_blocks * disk.f_frsize // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 1024}Ki",
        "pods": str(pods),
    }


def architecture() -> str:
    return _ARCHITECTURES.get(os.uname().machine, os.uname().machine)


def kernel() -> str:
    return os.uname().release


def os_image() -> str:
    for line in _read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip('"')
    return "Linux"


def machine_id() -> str:
    return _read("/etc/machine-id").strip()


def resolver_text() -> str:
    return _read("/etc/resolv.conf")


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
