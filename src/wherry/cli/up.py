"""`wherry up`: a cluster in the foreground, or detached."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from wherry.cli import home as homes

#: seconds a detached cluster gets to become ready
DETACH_TIMEOUT = 30.0


def _load_config(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """--config: a YAML file with the same keys as the options; what the command line says wins."""
    if value is None:
        return
    import yaml

    try:
        config = yaml.safe_load(value.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise click.BadParameter(str(error).replace("\n", " ")) from error
    if config is None:
        return
    if not isinstance(config, dict):
        raise click.BadParameter(f"{value} must hold a mapping of option names to values")
    known = {option.name for option in context.command.params} - {"config", "detach"}
    given = {str(key).replace("-", "_"): item for key, item in config.items()}
    if unknown := sorted(set(given) - known):
        raise click.BadParameter(f"{value} has no such option: {', '.join(name.replace('_', '-') for name in unknown)}")
    context.default_map = {**(context.default_map or {}), **given}


@click.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where everything is kept.  [default: the user's data directory]"
)
@click.option("--ephemeral", is_flag=True, help="Keep objects in memory only.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=6443, show_default=True, help="HTTPS port on 127.0.0.1; 0 takes any free one."
)
@click.option(
    "--insecure-port", type=click.IntRange(0, 65535), help="Also serve plain HTTP on 127.0.0.1; credentials are asked for all the same."
)
@click.option("--nodes", type=click.IntRange(0, 5000), default=3, show_default=True, help="How many simulated nodes.")
@click.option("--pods-per-node", type=click.IntRange(1, 10000), default=110, show_default=True)
@click.option("--image-missing", multiple=True, metavar="GLOB", help="Images that cannot be pulled.  [default: *:999.*, *does-not-exist*]")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Write the kubeconfig here too.")
@click.option("--merge", is_flag=True, help="Merge into the file named by --kubeconfig instead of refusing to replace it.")
@click.option("--detach", "-d", is_flag=True, help="Leave the cluster running in the background.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    is_eager=True,
    expose_value=False,
    callback=_load_config,
    help="A YAML file with the same keys.",
)
def up(**options: Any) -> None:
    """Start a cluster and keep it up until Ctrl-C."""
    home = options["data_dir"] or homes.default_home()
    _check_kubeconfig(options["kubeconfig"], options["merge"])
    running = homes.read_note(home)
    if running is not None:
        raise click.ClickException(
            f"a cluster runs in {home} already (pid {running.pid}); stop it with `wherry down`, or give another --data-dir"
        )
    if options["detach"]:
        _detach(home)
        return
    try:
        _run(_foreground(home, options))
    except OSError as error:
        raise click.ClickException(_explain(error, options["port"])) from error


def _check_kubeconfig(path: Path | None, merge: bool) -> None:
    if path is not None and path.exists() and not merge and "wherry" not in path.read_text():
        raise click.ClickException(f"{path} exists and is not wherry's: add --merge to keep what is in it, or name another file")


def _run(work: Any) -> None:
    """On the fastest loop there is."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


def _explain(error: OSError, port: int) -> str:
    import errno

    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken: give another with --port (0 takes any free one)"
    if error.errno == errno.EACCES and port and port < 1024:
        return f"port {port} needs more rights: give one above 1023 with --port"
    return str(error)


async def _foreground(home: Path, options: dict[str, Any]) -> None:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import DEFAULT_IMAGE_MISSING, Options
    from wherry.store.protocol import StoreError

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    cluster = Cluster(
        Options(
            data_dir=home,
            ephemeral=options["ephemeral"],
            port=options["port"],
            insecure_port=options["insecure_port"],
            nodes=options["nodes"],
            pods_per_node=options["pods_per_node"],
            image_missing=tuple(options["image_missing"]) or DEFAULT_IMAGE_MISSING,
        )
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await cluster.start()
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    try:
        _announce(cluster, home, options)
        await stop.wait()
    finally:
        homes.remove_note(home)
        await cluster.stop()


def _announce(cluster: Any, home: Path, options: dict[str, Any]) -> None:
    from wherry.cluster import kubeconfig

    shown = cluster.kubeconfig_path
    if options["kubeconfig"] is not None:
        shown = options["kubeconfig"]
        config = kubeconfig.build(cluster.url, cluster.pki.ca_pem, token=cluster.pki.token)
        (kubeconfig.merge if options["merge"] else kubeconfig.write)(shown, config)
    homes.write_note(home, homes.Running(os.getpid(), cluster.url, time.time(), str(shown), options["nodes"], options["ephemeral"]))
    where = "in memory" if options["ephemeral"] else f"in {home}"
    click.echo(f"wherry is up at {cluster.url}, objects {where}.")
    if cluster.insecure_port:
        click.echo(f"Plain HTTP at http://127.0.0.1:{cluster.insecure_port}; send the kubeconfig's token.")
    click.echo(f"{options['nodes']} nodes, all simulated: pods start, become ready and stop, but no program runs in them.")
    click.echo(f"\n  export KUBECONFIG={shown}\n  kubectl get nodes\n")
    click.echo("Ctrl-C stops it.", nl=True)
    sys.stdout.flush()


def _detach(home: Path) -> None:
    """Start ourselves again without --detach, and wait until that one is ready."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    arguments = [a for a in sys.argv[1:] if a not in ("--detach", "-d")]
    with homes.log_path(home).open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "wherry.cli.main", *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + DETACH_TIMEOUT
    while time.monotonic() < deadline:
        if child.poll() is not None:
            last = homes.log_path(home).read_text().strip().splitlines()[-1:]
            raise click.ClickException(last[0].removeprefix("wherry: ") if last else f"it ended at once with status {child.returncode}")
        running = homes.read_note(home)
        if running is not None and running.pid == child.pid:
            click.echo(homes.log_path(home).read_text().replace("Ctrl-C stops it.", "`wherry down` stops it.").strip())
            return
        time.sleep(0.02)
    child.terminate()
    raise click.ClickException(f"not ready after {DETACH_TIMEOUT:.0f} s; see {homes.log_path(home)}")
