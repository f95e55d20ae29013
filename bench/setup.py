"""What a run of the benchmarks was told, and what machine it ran on. Set by `bench.one` before a part runs; parts read it."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass
class Settings:
    """`kubeconfig`: measure that API server, not one of ours. `size`: the share of the usual work that is done (tests use a tiny one)."""

    kubeconfig: str = ""
    size: float = 1.0

    def scaled(self, count: int, least: int = 1) -> int:
        return max(least, round(count * self.size))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


#: of this process
SETTINGS = Settings()
#: curves of this process: name -> {"x": [...], "<line>": [...], ...}; drawn with --plots
SERIES: dict[str, dict[str, list[float]]] = {}


def machine() -> dict[str, Any]:
    """Where figures come from; load averages tell whether others used the machine too."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory MB": _memory(),
        "load": [round(each, 2) for each in os.getloadavg()],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def cpu_seconds(pid: int | str = "self") -> float:
    """Processor time a process has used: what it costs, however many others are at work."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _memory() -> int:
    return os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
