"""`wherry up --detach`: starts the same command again in the background, and waits until that one is ready."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click

from wherry.cli import home as homes

#: seconds a detached cluster gets to become ready
TIMEOUT = 30.0


def detach(home: Path, *, passing: bool = False) -> None:
    """`passing`: the other one removes its data directory when it stops.

    Raises ClickException with the last line the other one said when it did not come up.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = homes.log_path(home)
    more = ("--background", *(("--data-dir", str(home), "--passing") if passing else ()))
    with path.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "wherry.cli.main", *sys.argv[1:], "--no-detach", *more],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(home, child)
    except BaseException:
        child.terminate()
        raise
    click.echo(path.read_text().strip())


def _wait(home: Path, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if child.poll() is not None:
            said = homes.log_path(home).read_text().strip().splitlines()
            last = [line for line in said if line.startswith("error: ")][-1:] or said[-1:]
            raise click.ClickException(last[0].removeprefix("error: ") if last else f"it ended at once with status {child.returncode}")
        running = homes.read_note(home)
        if running is not None and running.pid == child.pid:
            return
        time.sleep(0.02)
    raise click.ClickException(f"not ready after {TIMEOUT:.0f} s; see {homes.log_path(home)}")
