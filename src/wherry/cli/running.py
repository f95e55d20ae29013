"""`wherry status`, `down`, `logs`: about a cluster that runs in the background or in another terminal."""

from __future__ import annotations

import json
import os
import signal
import ssl
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import click

from wherry.cli import home as homes

#: seconds `down` waits for the cluster to stop
STOP_TIMEOUT = 30.0

_home = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The cluster's data directory.")


@click.command()
@_home
def status(data_dir: Path | None) -> int:
    """Say whether the cluster is up, where, and what is in it. Exit status 0 only when it is ready."""
    home = data_dir or homes.default_home()
    running = homes.running_in(home)
    get = _getter(home, running.url)
    ready = get("/readyz") == b"ok"
    click.echo(
        f"wherry is {'ready' if ready else 'not ready'} at {running.url} (pid {running.pid}, up {_duration(time.time() - running.started)})"
    )
    click.echo(f"objects:    {'in memory' if running.ephemeral else running.store or home}")
    click.echo(f"kubeconfig: {running.kubeconfig}")
    if running.processes > 1:
        click.echo(f"processes:  {running.processes} serve reads and watches; {running.pid} does all else")
    if ready:
        click.echo(
            "contents:   "
            + ", ".join(
                _counted(_count(get, path), word)
                for word, path in (
                    ("node", "/api/v1/nodes"),
                    ("namespace", "/api/v1/namespaces"),
                    ("deployment", "/apis/apps/v1/deployments"),
                    ("pod", "/api/v1/pods"),
                )
            )
        )
    return 0 if ready else 1


@click.command()
@_home
def down(data_dir: Path | None) -> None:
    """Stop the cluster; what it kept on disk stays."""
    home = data_dir or homes.default_home()
    running = homes.running_in(home)
    try:
        os.kill(running.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise click.ClickException(f"process {running.pid} belongs to somebody else") from error
    deadline = time.monotonic() + STOP_TIMEOUT
    while homes.is_alive(running):
        if time.monotonic() > deadline:
            raise click.ClickException(f"process {running.pid} has not stopped after {STOP_TIMEOUT:.0f} s")
        time.sleep(0.02)
    click.echo("wherry is down.")


@click.command()
@_home
@click.option("--follow", "-f", is_flag=True, help="Go on printing until Ctrl-C.")
def logs(data_dir: Path | None, follow: bool) -> None:
    """Print what a detached cluster wrote."""
    path = homes.log_path(data_dir or homes.default_home())
    if not path.exists():
        raise click.ClickException(f"there is no log at {path}: a cluster in the foreground writes to its terminal")
    with path.open() as file:
        while True:
            click.echo(file.read(), nl=False)
            if not follow:
                return
            time.sleep(0.2)


def _getter(home: Path, url: str) -> Callable[[str], bytes]:
    """Asks the cluster as its administrator; b"" when there is no answer."""
    pki = home / "pki"
    try:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        token = (pki / "token").read_text().strip()
    except OSError as error:
        raise click.ClickException(f"the credentials in {pki} cannot be read: {error.strerror}") from error

    def get(path: str) -> bytes:
        request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, context=context, timeout=5) as response:
                body: bytes = response.read()
                return body
        except OSError:
            return b""

    return get


def _count(get: Callable[[str], bytes], path: str) -> int | str:
    body = get(f"{path}?limit=1")
    if not body:
        return "?"
    listing = json.loads(body)
    return len(listing["items"]) + int(listing["metadata"].get("remainingItemCount", 0))


def _counted(count: int | str, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    shown = [f"{n}{unit}" for n, unit in parts if n]
    return "".join(shown[:2]) or "0s"
