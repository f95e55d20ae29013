"""A cluster's home on disk: the data directory, and the note in it that says which process runs there."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs


def default_home() -> Path:
    """Where a user's cluster lives unless told otherwise."""
    return Path(platformdirs.user_data_dir("wherry"))


@dataclass(frozen=True, slots=True)
class Running:
    """The process that runs the cluster of a home. `started` is in seconds since 1970."""

    pid: int
    url: str
    started: float
    kubeconfig: str
    nodes: int
    ephemeral: bool


def note_path(home: Path) -> Path:
    return home / "running.json"


def log_path(home: Path) -> Path:
    return home / "wherry.log"


def write_note(home: Path, running: Running) -> None:
    temporary = note_path(home).with_suffix(".new")
    temporary.write_text(json.dumps(asdict(running)))
    temporary.replace(note_path(home))


def remove_note(home: Path) -> None:
    note_path(home).unlink(missing_ok=True)


def read_note(home: Path) -> Running | None:
    """The running process of that home, or None when none runs (a note left behind by a crash counts as none)."""
    try:
        running = Running(**json.loads(note_path(home).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return running if is_alive(running.pid) else None


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
