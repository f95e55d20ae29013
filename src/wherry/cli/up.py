"""`wherry up`: a cluster in the foreground, or detached."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherry.cli import home as homes
from wherry.cli import remembered, up_checks
from wherry.cli.cluster_options import flags, options_of
from wherry.cli.config import load_config
from wherry.cli.detach import detach
from wherry.cli.log_output import log_flags, set_up
from wherry.kit.garbage import leave_alone_what_is_there
from wherry.rules.pods.kubelet.images import MISSING

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options

image_missing_option = click.option(
    "--image-missing", multiple=True, metavar="GLOB", help=f"Images that cannot be pulled.  [default: {', '.join(MISSING)}]"
)


@click.command()
@flags
@click.option("--fast", is_flag=True, help="Pods take no time: the times to pull, start, be ready and end are 0 unless given.")
@click.option("--manifests", multiple=True, type=click.Path(path_type=Path, exists=True), help="Files and folders of objects.")
@click.option("--faults", multiple=True, type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Faults in YAML to start with.")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Write the kubeconfig here too.")
@click.option("--merge", is_flag=True, help="Merge into the file named by --kubeconfig instead of refusing to replace it.")
@click.option("--dashboard", is_flag=True, help="Show and steer rollouts on a page; the link to it is printed.")
@click.option("--dashboard-port", type=click.IntRange(0, 65535), default=8440, show_default=True, help="The page's port; 0 for a free one.")
@click.option("--detach/--no-detach", "-d", help="Leave the cluster running in the background.")
@click.option("--background", is_flag=True, hidden=True, help="It was detached.")
@click.option("--passing", is_flag=True, hidden=True, help="The data directory goes when the cluster stops.")
@log_flags
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
    passing = options["passing"] or (options["ephemeral"] and options["data_dir"] is None)
    home: Path | None = None
    try:
        home = _home(options["data_dir"], passing)
        up_checks.check(home, options)
        if options["detach"]:
            detach(home, passing=passing)
            passing = False
        else:
            _begin_certificates(home, options["host"])
            run(_foreground(home, options))
    except OSError as error:
        raise click.ClickException(up_checks.explain(error, home or Path(tempfile.gettempdir()))) from error
    finally:
        if passing and home is not None:
            shutil.rmtree(home, ignore_errors=True)


def _home(given: Path | None, passing: bool) -> Path:
    """Where the cluster lives: what keeps nothing needs no place, so it gets one of its own that goes with it."""
    if given is None and passing:
        return Path(tempfile.mkdtemp(prefix="wherry-"))
    return (given or homes.default_home()).absolute()


def _begin_certificates(home: Path, host: str) -> None:
    from wherry.cluster import pki

    pki.begin(home / "pki", host)


def run(work: Any) -> None:
    """On the fastest loop there is."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


#: what is said of nodes, by what runs in their pods
_RUNS = {
    "simulated": ", simulated: pods start, become ready and stop, but no program runs in them.",
    "process": " of this machine: pods run programs, in namespaces of their own.",
    "containerd": " of this machine: pods run containers, by its container runtime.",
}


async def _foreground(home: Path, options: dict[str, Any]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # imported with the signals in hand: Ctrl-C stops a start as cleanly as a cluster
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.option_values import OptionError
    from wherry.cluster.serving import import_http_without_roots
    from wherry.cluster.state import StateError
    from wherry.node.engine import Unavailable
    from wherry.store.protocol import StoreError

    import_http_without_roots()
    set_up(options["verbose"], options["log_format"])
    options["nodes"] = _nodes(home, options)
    cluster = Cluster(options_of(home, options, fast=options["fast"]))
    try:
        await cluster.start()
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    except StateError as error:
        raise click.ClickException(f"{error}: add --ephemeral, or give another --data-dir") from error
    except OptionError as error:
        raise click.ClickException(up_checks.as_flag(str(error))) from error
    except Unavailable as error:
        raise click.ClickException(f"--runtime {options['runtime']}: {error}") from error
    try:
        await _prepare(cluster, options)
        async with AsyncExitStack() as beside:
            page = await _dashboard(cluster, beside, options) if options["dashboard"] and not stop.is_set() else ""
            if not stop.is_set():
                await _announce(cluster, home, options, page)
                leave_alone_what_is_there()
            await _until_stopped(cluster, stop)
    finally:
        homes.remove_note(home)
        if cluster.real_nodes is not None:
            for number in (signal.SIGINT, signal.SIGTERM):  # asked again, it waits no longer for pods that end
                asyncio.get_running_loop().add_signal_handler(number, cluster.real_nodes.hurry)
        await cluster.stop()
    if sys.stdout.isatty():
        click.echo("\nwherry is down." + ("" if options["ephemeral"] else " `wherry up` goes on where it was."))


def _nodes(home: Path, options: dict[str, Any]) -> int:
    """As many as was asked for, or as there were, or the default."""
    if options["nodes"] is not None:
        return int(options["nodes"])
    if options["node_name"]:
        return 1
    found = remembered.nodes(home, options["state"]) if options["state"] is not None or not options["ephemeral"] else None
    return remembered.DEFAULT if found is None else found


async def _until_stopped(cluster: Cluster, stop: asyncio.Event) -> None:
    """Until Ctrl-C or SIGTERM. Raises ClickException when a part of the cluster failed too often to be started again."""
    stopped, given_up = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(cluster.until_given_up())
    await asyncio.wait((stopped, given_up), return_when=asyncio.FIRST_COMPLETED)
    if not stopped.done() and (error := given_up.exception()) is not None:
        stopped.cancel()
        raise click.ClickException(str(error)) from error
    given_up.cancel()
    await stop.wait()


async def _prepare(cluster: Cluster, options: dict[str, Any]) -> None:
    """The faults and the objects that the cluster is to start with. Raises ClickException."""
    from wherry.api.errors import StatusError

    try:
        for path in options["faults"]:
            cluster.faults.load(path)
        if options["manifests"]:
            await cluster.apply(*options["manifests"])
    except (ValueError, TypeError, StatusError) as error:
        raise click.ClickException(str(error)) from error


async def _dashboard(cluster: Cluster, beside: AsyncExitStack, options: dict[str, Any]) -> str:
    """Its link. Raises ClickException."""
    from wherry.cli.forecasting import forecast
    from wherry.client.kubeconfig import Overrides, load
    from wherry.dashboard.serving import CannotServe, Dashboard, Settings

    access = load(Overrides(kubeconfig=str(cluster.kubeconfig_path)), {})
    try:
        page = await beside.enter_async_context(Dashboard(access, Settings(port=options["dashboard_port"]), forecast=forecast))
    except CannotServe as error:
        raise click.ClickException(str(error).replace("--port", "--dashboard-port")) from error
    return page.link


async def _announce(cluster: Cluster, home: Path, options: dict[str, Any], page: str) -> None:
    shown = _write_kubeconfig(cluster, options["kubeconfig"], options["merge"])
    pid, count = os.getpid(), options["nodes"]
    store = f"etcd at {', '.join(options['etcd_servers'])}" if options["etcd_servers"] else ""
    note = homes.Running(pid, cluster.url, time.time(), str(shown), count, options["ephemeral"], homes.birth(pid), options["processes"],
                         store)
    where = "in memory only" if options["ephemeral"] else f"in {store or home}"
    click.echo(f"wherry is up at {cluster.url}, objects {where}.")
    if cluster.insecure_port:
        click.echo(f"Plain HTTP at http://127.0.0.1:{cluster.insecure_port}: whoever can connect there may do everything.")
    own = f"{count} {'node' if count == 1 else 'nodes'}{_RUNS[options['runtime']]}"
    click.echo(own if options["run_nodes"] else "No nodes of its own: they join, or run elsewhere.")
    if cluster.real_nodes is not None and cluster.options.ingress:
        click.echo(_ingress(cluster.options))
    if cluster.options.expose_services:
        click.echo("Services and pods are reached from this machine by their addresses.")
    if page:
        click.echo(f"Rollouts at {page} (the link works once; `wherry dashboard` makes another).")
    if not options["ephemeral"]:
        remembered.remember(home, count)
        if lost := await remembered.left_over(cluster, count):
            click.echo(f"{lost} more of an earlier start run too.")
    click.echo(f"\n  export KUBECONFIG={shown}\n  kubectl get nodes\n\n{_stopping(home, options['background'])} stops it.")
    sys.stdout.flush()
    # last: who waits for the note (`--detach`) reads what was printed
    homes.write_note(home, note)


def _ingress(options: Options) -> str:
    if not (options.ingress_port and options.ingress_tls_port):
        return "Ingresses of the class wherry are served; their status says where."
    host = f"[{options.ingress_host}]" if ":" in options.ingress_host else options.ingress_host
    ways = f"http://{host}:{options.ingress_port} and https://{host}:{options.ingress_tls_port}"
    return f"Ingresses of the class wherry are served at {ways}, from the first one on."


def _stopping(home: Path, background: bool) -> str:
    if not background:
        return "Ctrl-C"
    return "`wherry down" + ("" if home == homes.default_home().absolute() else f" --data-dir {home}") + "`"


def _write_kubeconfig(cluster: Cluster, path: Path | None, merge: bool) -> Path:
    """Where the kubeconfig is: the cluster's own, or the one asked for."""
    if path is None:
        return cluster.kubeconfig_path
    from wherry.cluster import kubeconfig

    assert cluster.pki is not None
    config = kubeconfig.build(cluster.url, cluster.pki.ca_pem, token=cluster.pki.token)
    (kubeconfig.merge if merge else kubeconfig.write)(path, config)
    return path.absolute()
