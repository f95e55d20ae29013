"""Whose pods are whose at a container runtime that several use: labels that say it, and which of them belong to nobody any more.

A cluster that keeps its data has a name of its own in its data directory, by which it finds its pods again. One that keeps nothing names
its process, so that its pods can be removed by whoever comes next when it was killed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from wherry.kit.files import replace
from wherry.node.cri.configs import OWNER, PROCESS

_FILE = "runtime-owner"


def lasting(folder: Path) -> dict[str, str]:
    """Raises OSError."""
    path = folder / _FILE
    try:
        name = path.read_text().strip()
    except FileNotFoundError:
        name = secrets.token_hex(8)
        folder.mkdir(parents=True, exist_ok=True)
        replace(path, f"{name}\n".encode(), 0o644)
    return {OWNER: name}


def passing(proc: Path = Path("/proc")) -> dict[str, str]:
    return {OWNER: secrets.token_hex(8), PROCESS: _process("self", proc)}


def abandoned(labels: Mapping[str, str], proc: Path = Path("/proc")) -> bool:
    """Was it of a process that is gone?"""
    process = labels.get(PROCESS, "")
    return bool(process) and _process(process.partition("-")[0], proc) != process


def _process(pid: str, proc: Path) -> str:
    """A process, told from later ones of its number by when it began; "" when there is none."""
    try:
        text = (proc / pid / "stat").read_text()
    except OSError:
        return ""
    # the name in brackets may hold anything; the start is the 22nd field
    return f"{text.partition(' ')[0]}-{text.rpartition(')')[2].split()[19]}"
