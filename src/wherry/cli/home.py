"""A cluster's home on disk: the data directory, and the note in it that says which process runs there."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import platformdirs


def default_home() -> Path:
    """Where a user's cluster lives unless told otherwise."""
    return Path(platformdirs.user_data_dir("wherry"))


@dataclass(frozen=True, slots=True)
class Running:
    """The process that runs the cluster of a home. `started` is in seconds since 1970; `birth` tells it from later ones of its number;
    `store`: where its objects are, when not in the home.
    """

    pid: int
    url: str
    started: float
    kubeconfig: str
    nodes: int
    ephemeral: bool
    birth: str = ""
    processes: int = 1
    store: str = ""


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
    except (OSError, ValueError, TypeError):
        return None
    return running if is_alive(running) else None


def running_in(home: Path) -> Running:
    """As `read_note`. Raises ClickException when nothing runs there."""
    running = read_note(home)
    if running is None:
        raise click.ClickException(f"no cluster runs in {home}; `wherry up` starts one")
    return running


def is_alive(running: Running) -> bool:
    """Does that very process run? A number may have been given to another since; then its birth differs."""
    try:
        os.kill(running.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return birth(running.pid) == running.birth


def birth(pid: int) -> str:
    """When a process began, in the kernel's words; "" where that cannot be told, "gone" for one that only waits to be collected."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "gone" if fields[0] == "Z" else fields[19]
