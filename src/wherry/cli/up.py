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
from wherry.kit.garbage import leave_alone_what_is_there
from wherry.rules.kubelet.images import MISSING

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options

image_missing_option = click.option(
    "--image-missing", multiple=True, metavar="GLOB", help=f"Images that cannot be pulled.  [default: {', '.join(MISSING)}]"
)


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
@click.option("--audit-policy-file", type=click.Path(path_type=Path, dir_okay=False), help="Which requests are recorded: an audit policy.")
@click.option("--audit-log-path", metavar="FILE", help="Where audit events are written, a line of JSON each; - is standard output.")
@click.option("--scheduler-config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The scheduler's profiles: a KubeSchedulerConfiguration.")
@click.option("--nodes", type=click.IntRange(0, 5000), default=3, show_default=True, help="How many simulated nodes.")
@click.option("--processes", type=click.IntRange(1, 2), default=1, show_default=True,
              help="2: controllers and scheduler run in a process of their own, on another core.")
@click.option("--pods-per-node", type=click.IntRange(1, 10000), default=110, show_default=True)
@image_missing_option
@click.option("--storage-class", metavar="NAME", default="standard", show_default=True, help="The default StorageClass; empty for none.")
@click.option("--legacy-apis", is_flag=True, help="Also serve extensions/v1beta1, apps/v1beta1 and apps/v1beta2 workloads.")
@click.option("--from", "state", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Start with a saved state.")
@click.option("--manifests", multiple=True, type=click.Path(path_type=Path, exists=True), help="Files and folders of objects.")
@click.option("--faults", multiple=True, type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Faults in YAML to start with.")
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
    _check_audit_policy(options["audit_policy_file"])
    _check_scheduler_config(options["scheduler_config"], options["processes"])
    running = homes.read_note(home)
    if running is not None:
        raise click.ClickException(
            f"a cluster runs in {home} already (pid {running.pid}); stop it with `wherry down`, or give another --data-dir"
        )
    try:
        if options["detach"]:
            detach(home)
        else:
            _begin_certificates(home)
            run(_foreground(home, options))
    except OSError as error:
        raise click.ClickException(_explain(error)) from error


def _begin_certificates(home: Path) -> None:
    from wherry.cluster import pki
    from wherry.cluster.options import HOST

    pki.begin(home / "pki", HOST)


def _check_audit_policy(path: Path | None) -> None:
    """Before anything starts: can the policy be used?"""
    if path is None:
        return
    from wherry.rules.audit.policy import PolicyError
    from wherry.server.audit_log import read_policy

    try:
        read_policy(path)
    except PolicyError as error:
        raise click.ClickException(f"--audit-policy-file: {error}") from error


def _check_scheduler_config(path: Path | None, processes: int) -> None:
    """Before anything starts: can the configuration be used?"""
    if path is None:
        return
    from wherry.cluster import scheduling

    if processes > 1:
        raise click.ClickException("--scheduler-config needs --processes 1")
    try:
        scheduling.read_file(path)
    except ValueError as error:
        raise click.ClickException(f"--scheduler-config: {error}") from error
    except OSError as error:
        raise click.ClickException(f"--scheduler-config: {path}: {error.strerror}") from error


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
    from wherry.cluster.state import StateError
    from wherry.store.protocol import StoreError

    import_http_without_roots()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    cluster = Cluster(_cluster_options(home, options))
    try:
        await cluster.start()
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    except StateError as error:
        raise click.ClickException(f"{error}: add --ephemeral, or give another --data-dir") from error
    try:
        await _prepare(cluster, options)
        if not stop.is_set():
            _announce(cluster, home, options)
            leave_alone_what_is_there()
        await _until_stopped(cluster, stop)
    finally:
        homes.remove_note(home)
        await cluster.stop()


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


def _cluster_options(home: Path, options: dict[str, Any]) -> Options:
    from wherry.cluster.options import DEFAULT_IMAGE_MISSING, Options

    return Options(
        data_dir=home,
        ephemeral=options["ephemeral"],
        port=options["port"],
        insecure_port=options["insecure_port"],
        audit_policy_file=options["audit_policy_file"],
        audit_log_path=options["audit_log_path"],
        scheduler_config=options["scheduler_config"],
        nodes=options["nodes"],
        processes=options["processes"],
        pods_per_node=options["pods_per_node"],
        image_missing=tuple(options["image_missing"]) or DEFAULT_IMAGE_MISSING,
        legacy_apis=options["legacy_apis"],
        storage_class=options["storage_class"],
        state=options["state"],
    )


def _announce(cluster: Cluster, home: Path, options: dict[str, Any]) -> None:
    shown = _write_kubeconfig(cluster, options["kubeconfig"], options["merge"])
    pid = os.getpid()
    note = homes.Running(pid, cluster.url, time.time(), str(shown), options["nodes"], options["ephemeral"], homes.birth(pid),
                         options["processes"])
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
