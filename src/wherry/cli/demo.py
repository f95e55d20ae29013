"""`wherry demo`: a cluster and the rollout lab on it, live; then the cluster stays up for your own kubectl."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from pathlib import Path
from typing import Any

import click

from wherry.cli.up import _run


@click.command()
@click.option("--once", is_flag=True, help="End after the lab; exit status 0 only if every step reached its state.")
@click.option("--fast", is_flag=True, help="Without the simulated delays.")
@click.option("--replicas", type=click.IntRange(1, 200), default=6, show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="HTTPS port; 0 takes any free one.")
@click.option("--plain", is_flag=True, help="Plain lines even on a terminal.")
def demo(**options: Any) -> int:
    """Run the rollout lab on a fresh cluster and show pods move from revision to revision."""
    status: list[int] = []
    _run(_demo(options, status))
    return status[0]


async def _demo(options: dict[str, Any], status: list[int]) -> None:
    from wherry.cli.lab import Lab
    from wherry.cli.lab_screen import screen
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    pace = 0.0 if options["fast"] else 1.0
    with tempfile.TemporaryDirectory(prefix="wherry-demo-") as directory:
        cluster = Cluster(
            Options(data_dir=Path(directory), ephemeral=True, port=options["port"], pull_seconds=0.6 * pace, ready_seconds=0.5 * pace)
        )
        async with cluster:
            lab = asyncio.create_task(Lab(cluster, screen(options["plain"]), options["replicas"], pace).run())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait([lab, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not lab.done():
                lab.cancel()
                await asyncio.gather(lab, return_exceptions=True)
                stopped.cancel()
                status.append(130)
                return
            status.append(0 if lab.result() else 1)
            if options["once"]:
                stopped.cancel()
                return
            click.echo(
                f"\nThe cluster stays up at {cluster.url}. In another terminal:\n\n  export KUBECONFIG={cluster.kubeconfig}\n"
                "  kubectl get deployment,rs,pod\n  kubectl rollout history deployment/demo-app\n\nCtrl-C ends it."
            )
            await stopped
