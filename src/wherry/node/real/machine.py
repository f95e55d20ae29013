"""What this machine is and has, as its nodes say it. Called once, when real nodes are built.

Source of the fields: pkg/kubelet/nodestatus, cadvisor's machine info.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from wherry.node.engine import Usage

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


def boot_id() -> str:
    return _read("/proc/sys/kernel/random/boot_id").strip()


def hosts_text() -> str:
    return _read("/etc/hosts")


def resolver_text() -> str:
    return _read("/etc/resolv.conf")


def used(now: float) -> Usage:
    """What all programs of the machine use: processor time since it started, and memory that is not free to be had."""
    times = [int(word) for word in _read("/proc/stat").split("\n", 1)[0].split()[1:]]
    busy = sum(times[:3] + times[5:8])  # user, nice, system, irq, softirq, steal; guests are counted among user
    sizes = {line.partition(":")[0]: int(line.split()[1]) for line in _read("/proc/meminfo").splitlines() if line}
    memory = (sizes.get("MemTotal", 0) - sizes.get("MemAvailable", 0)) * 1024
    return Usage(busy / os.sysconf("SC_CLK_TCK"), memory, 0, now)


def address() -> str:
    """Its own, by which it would speak to others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
            found: str = asking.getsockname()[0]
        except OSError:
            return "127.0.0.1"
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
