"""`wherry demo`: a cluster and the rollout lab on it, live; then the cluster stays up for your own kubectl."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherry.cli.up import run

if TYPE_CHECKING:
    from wherry.cli.lab_traffic import Traffic
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options


@click.command()
@click.option("--once", is_flag=True, help="End after the lab; exit status 0 only if every step reached its state.")
@click.option("--fast", is_flag=True, help="Without the simulated delays.")
@click.option("--replicas", type=click.IntRange(1, 200), default=6, show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="HTTPS port; 0 takes any free one.")
@click.option("--real", is_flag=True, help="Pods run programs on this machine (Linux), and a Service is asked all the while.")
@click.option("--plain", is_flag=True, help="Plain lines even on a terminal.")
def demo(**options: Any) -> int:
    """Run the rollout lab on a fresh cluster and show pods move from revision to revision."""
    status: list[int] = []
    run(_demo(options, status))
    return status[0]


async def _demo(options: dict[str, Any], status: list[int]) -> None:
    from wherry.cli.lab import Lab
    from wherry.cli.lab_screen import screen
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.serving import PortError
    from wherry.node.engine import Unavailable

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    shown = screen(options["plain"])
    with tempfile.TemporaryDirectory(prefix="wherry-demo-") as directory:
        pace = 0.0 if options["fast"] else 1.0
        cluster = Cluster(_real(Path(directory), options["port"]) if options["real"] else _paced(Path(directory), options["port"], pace))
        try:
            await cluster.start()
        except Unavailable as error:
            raise click.ClickException(f"--real: {error}") from error
        except PortError as error:
            raise click.ClickException(f"{error}: give another with --port (0 takes any free one)") from error
        try:
            traffic = _traffic(cluster) if options["real"] else None
            lab = Lab(cluster, shown, options["replicas"], pace, traffic)
            status.append(await _until(stop, lab.run()))
            if traffic is not None:
                await traffic.end()
            shown.close()
            if not (options["once"] or stop.is_set()):
                click.echo(_STAYS.format(url=cluster.url, kubeconfig=cluster.kubeconfig))
                await stop.wait()
        finally:
            await cluster.stop()


_STAYS = """
The cluster stays up at {url}. In another terminal:

  export KUBECONFIG={kubeconfig}
  kubectl get deployment,rs,pod
  kubectl rollout history deployment/demo-app

Ctrl-C ends it."""


def _paced(directory: Path, port: int, pace: float) -> Options:
    """In memory, and slow enough to be watched: pods take a moment to pull, to be ready, and to leave."""
    from wherry.cluster.options import Options

    return Options(
        data_dir=directory,
        ephemeral=True,
        port=port,
        pull_seconds=0.6 * pace,
        ready_seconds=0.5 * pace,
        terminate_seconds=0.7 * pace,
    )


def _real(directory: Path, port: int) -> Options:
    """Two nodes of this machine, whose images are its own files."""
    from wherry.cluster.options import Options

    return Options(
        data_dir=directory, ephemeral=True, port=port, runtime="process", nodes=2, image_table=("nginx:1.21=host", "nginx:1.23=host"),
        image_missing=("nginx:999.*",),
    )  # fmt: skip


def _traffic(cluster: Cluster) -> Traffic:
    from wherry.cli.lab_traffic import Traffic

    assert cluster.real_nodes is not None
    assert cluster.real_nodes.fabric is not None
    return Traffic(cluster.real_nodes.fabric)


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, bool]) -> int:
    """The exit status that the work's result asks for; 130 when it was stopped in the middle."""
    lab, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait([lab, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in (lab, stopped):
        if not task.done():
            task.cancel()
    await asyncio.gather(lab, stopped, return_exceptions=True)
    return 130 if lab.cancelled() else 0 if lab.result() else 1
