"""`wherry up`: a cluster in the foreground, or detached."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherry.cli import home as homes
from wherry.cli.config import load_config
from wherry.cli.detach import detach

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options


@click.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where everything is kept.  [default: the user's data directory]"
)
@click.option("--ephemeral", is_flag=True, help="Keep objects in memory only.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=6443, show_default=True, help="HTTPS port on 127.0.0.1; 0 takes any free one."
)
@click.option(
    "--insecure-port",
    type=click.IntRange(0, 65535),
    help="Also serve plain HTTP on 127.0.0.1, where nobody is asked for credentials; 0 takes any free port.",
)
@click.option("--nodes", type=click.IntRange(0, 5000), default=3, show_default=True, help="How many simulated nodes.")
@click.option("--pods-per-node", type=click.IntRange(1, 10000), default=110, show_default=True)
@click.option("--image-missing", multiple=True, metavar="GLOB", help="Images that cannot be pulled.  [default: *:999.*, *does-not-exist*]")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Write the kubeconfig here too.")
@click.option("--merge", is_flag=True, help="Merge into the file named by --kubeconfig instead of refusing to replace it.")
@click.option("--detach/--no-detach", "-d", help="Leave the cluster running in the background.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    is_eager=True,
    expose_value=False,
    callback=load_config,
    help="A YAML file with the same keys.",
)
def up(**options: Any) -> None:
    """Start a cluster and keep it up until Ctrl-C."""
    home = (options["data_dir"] or homes.default_home()).absolute()
    _check_kubeconfig(options["kubeconfig"], options["merge"])
    running = homes.read_note(home)
    if running is not None:
        raise click.ClickException(
            f"a cluster runs in {home} already (pid {running.pid}); stop it with `wherry down`, or give another --data-dir"
        )
    try:
        if options["detach"]:
            detach(home)
        else:
            run(_foreground(home, options))
    except OSError as error:
        raise click.ClickException(_explain(error)) from error


def _check_kubeconfig(path: Path | None, merge: bool) -> None:
    """Before anything starts: is the file ours to replace, or to merge into?"""
    if path is None:
        return
    from wherry.cluster import kubeconfig

    try:
        if merge:
            kubeconfig.read(path)
        elif not kubeconfig.is_ours(path):
            raise click.ClickException(f"{path} exists and is not wherry's: add --merge to keep what is in it, or name another file")
    except kubeconfig.KubeconfigError as error:
        raise click.ClickException(f"{error}; it was not changed") from error


def run(work: Any) -> None:
    """On the fastest loop there is."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


def _explain(error: OSError) -> str:
    port = getattr(error, "port", None)
    if port is not None:
        return f"{error}: give another with --port or --insecure-port (0 takes any free one)"
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


async def _foreground(home: Path, options: dict[str, Any]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # imported with the signals in hand: Ctrl-C stops a start as cleanly as a cluster
    import logging

    from wherry.cluster.cluster import Cluster
    from wherry.cluster.serving import import_http_without_roots
    from wherry.store.protocol import StoreError

    import_http_without_roots()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    cluster = Cluster(_cluster_options(home, options))
    try:
        await cluster.start()
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    try:
        if not stop.is_set():
            _announce(cluster, home, options)
        await stop.wait()
    finally:
        homes.remove_note(home)
        await cluster.stop()


def _cluster_options(home: Path, options: dict[str, Any]) -> Options:
    from wherry.cluster.options import DEFAULT_IMAGE_MISSING, Options

    return Options(
        data_dir=home,
        ephemeral=options["ephemeral"],
        port=options["port"],
        insecure_port=options["insecure_port"],
        nodes=options["nodes"],
        pods_per_node=options["pods_per_node"],
        image_missing=tuple(options["image_missing"]) or DEFAULT_IMAGE_MISSING,
    )


def _announce(cluster: Cluster, home: Path, options: dict[str, Any]) -> None:
    shown = _write_kubeconfig(cluster, options["kubeconfig"], options["merge"])
    pid = os.getpid()
    note = homes.Running(pid, cluster.url, time.time(), str(shown), options["nodes"], options["ephemeral"], homes.birth(pid))
    where = "in memory only" if options["ephemeral"] else f"in {home}"
    click.echo(f"wherry is up at {cluster.url}, objects {where}.")
    if cluster.insecure_port:
        click.echo(f"Plain HTTP at http://127.0.0.1:{cluster.insecure_port}: whoever can connect there may do everything.")
    count = options["nodes"]
    click.echo(f"{count} {'node' if count == 1 else 'nodes'}, simulated: pods start, become ready and stop, but no program runs in them.")
    click.echo(f"\n  export KUBECONFIG={shown}\n  kubectl get nodes\n\nCtrl-C stops it.")
    sys.stdout.flush()
    # last: who waits for the note (`--detach`) reads what was printed
    homes.write_note(home, note)


def _write_kubeconfig(cluster: Cluster, path: Path | None, merge: bool) -> Path:
    """Where the kubeconfig is: the cluster's own, or the one asked for."""
    if path is None:
        return cluster.kubeconfig_path
    from wherry.cluster import kubeconfig

    assert cluster.pki is not None
    config = kubeconfig.build(cluster.url, cluster.pki.ca_pem, token=cluster.pki.token)
    (kubeconfig.merge if merge else kubeconfig.write)(path, config)
    return path.absolute()
