"""`wherry controllers`, `wherry scheduler`, `wherry node`: parts of a cluster as processes of their own, against any API server."""

from __future__ import annotations

import logging
import socket
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from wherry.cli.durations import Seconds
from wherry.cli.log_output import log_flags, set_up
from wherry.cli.up import image_missing_option, run

if TYPE_CHECKING:
    from wherry.client.access import Access
    from wherry.cluster.joined_node import Joining
    from wherry.cluster.standalone import Election
    from wherry.rules.objects.leader_election import Timings
    from wherry.rules.placing.scheduling.setup import Setup

#: seconds that the pods of a real node get to end, if its configuration says nothing
_SHUTDOWN = 5.0


def _connection(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--server", "-s", default="", help="The address of the API server, instead of the kubeconfig's."),
        click.option("--context", default="", help="The kubeconfig context to use."),
        click.option("--kubeconfig", default="", help="The kubeconfig that names the API server.  [default: $KUBECONFIG, as kubectl]"),
    ):
        command = option(command)
    return log_flags(command)


def _elected(default_name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in (
            click.option("--leader-elect-retry-period", type=Seconds(), default="2s", show_default=True, help="Between two tries."),
            click.option("--leader-elect-renew-deadline", type=Seconds(), default="10s", show_default=True,
                         help="How long a leader tries to renew before it stops."),
            click.option("--leader-elect-lease-duration", type=Seconds(), default="15s", show_default=True,
                         help="How long a silent leader is believed."),
            click.option("--leader-elect-resource-namespace", default="kube-system", show_default=True, help="Namespace of the Lease."),
            click.option("--leader-elect-resource-name", default=default_name, show_default=True, help="Name of the Lease."),
            click.option("--leader-elect/--no-leader-elect", default=True, show_default=True, help="Of several copies, one works."),
        ):
            command = option(command)
        return command

    return decorate


@click.command()
@_connection
@click.option("--controllers", "words", default="*", show_default=True, metavar="LIST",
              help="Which to run: * all, NAME this one, -NAME not this one; separated by commas.")
@_elected("kube-controller-manager")
def controllers(words: str, **options: Any) -> None:
    """Run controllers against an API server."""
    from wherry.cluster import standalone

    election = _election(options)
    chosen = [word for word in words.split(",") if word]
    _run(lambda access: standalone.run_controllers(access, chosen, election, _say), options)


@click.command()
@_connection
@click.option("--config", "config_file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Its profiles: a KubeSchedulerConfiguration. What the command line says of connection and election wins.")
@click.option("--scheduler-name", help="The schedulerName of the pods it takes, without --config.  [default: default-scheduler]")
@_elected("kube-scheduler")
def scheduler(config_file: Path | None, scheduler_name: str | None, **options: Any) -> None:
    """Run the scheduler against an API server."""
    from wherry.cluster import standalone
    from wherry.rules.placing.scheduling.setup import DEFAULT_SCHEDULER, plain

    if config_file is not None and scheduler_name is not None:
        raise click.UsageError("--scheduler-name: the profiles of --config say it")
    setup = _configured(config_file, options) if config_file is not None else plain(scheduler_name or DEFAULT_SCHEDULER)
    election = _election(options)
    _run(lambda access: standalone.run_scheduler(access, setup, election, _say), options)


def _configured(path: Path, options: dict[str, Any]) -> Setup:
    """The file's profiles; its word on connection and election goes into the options that nobody gave."""
    from wherry.cluster import scheduling

    try:
        found = scheduling.read_file(path)
    except ValueError as error:
        raise click.ClickException(f"--config: {error}") from error
    except OSError as error:
        raise click.ClickException(f"--config: {path}: {error.strerror}") from error
    said = found.election
    values = {
        "leader_elect": said.elect, "leader_elect_lease_duration": said.lease_duration, "leader_elect_renew_deadline": said.renew_deadline,
        "leader_elect_retry_period": said.retry_period, "leader_elect_resource_name": said.name,
        "leader_elect_resource_namespace": said.namespace, "kubeconfig": found.kubeconfig or None,
    }  # fmt: skip
    context = click.get_current_context()
    for name, value in values.items():
        if value is not None and context.get_parameter_source(name) == ParameterSource.DEFAULT:
            options[name] = value
    return found.setup


@click.command()
@_connection
@click.option("--runtime", type=click.Choice(["simulated", "process", "containerd"]), default="simulated", show_default=True,
              help="What runs the containers: nothing, programs in namespaces of this machine, or its container runtime (one node).")
@click.option("--container-runtime-endpoint", default="", metavar="SOCKET",
              help="The container runtime's socket, with --runtime containerd.  [default: the first of the usual ones]")
@click.option("--nodes", type=click.IntRange(1, 5000), default=3, show_default=True, help="How many simulated nodes.")
@click.option("--pods-per-node", type=click.IntRange(1, 16000), default=110, show_default=True)
@image_missing_option
@click.option("--hostname-override", "name", default="", metavar="NAME", help="The real node's name.  [default: this machine's]")
@click.option("--node-ip", default="", metavar="ADDRESS", help="Where the API server reaches the real node.  [default: this machine's]")
@click.option("--port", type=click.IntRange(0, 65535), default=10250, show_default=True, help="The port of its API; 0 takes any free one.")
@click.option("--root-dir", type=click.Path(path_type=Path, file_okay=False), default=None, metavar="DIR",
              help="Where its pods and images are.  [default: below the user's data directory]")
@click.option("--client-ca-file", default="", metavar="FILE", help="Whose client certificates it believes.  [default: the kubeconfig's CA]")
@click.option("--tls-cert-file", default="", metavar="FILE", help="Its certificate.  [default: one that it makes]")
@click.option("--tls-private-key-file", default="", metavar="FILE", help="The key of its certificate.")
@click.option("--bootstrap-kubeconfig", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True), default=None,
              help="With a bootstrap token: the real node asks for credentials of its own, and writes them to --kubeconfig.")
@click.option("--config", "kubelet_config", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), default=None,
              help="The real node's KubeletConfiguration: eviction, logs, images, static pods, shutdown.")
@click.option("--image-table", multiple=True, metavar="GLOB=host", help="Images that stand for this machine's own files.")
@click.option("--pod-network", type=click.Choice(["auto", "host-gw", "vxlan", "none"]), default="auto", show_default=True,
              help="How pods of the real node and of other machines reach each other, as root; see `wherry up --help`.")
@click.option("--node-port-addresses", multiple=True, metavar="ADDRESS", help="Of this machine, where the real node serves node ports.")
@click.option("--network-kubeconfig", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True), default=None,
              help="As whom Services, policies and names are read for the real node's pods.  [default: as the node]")
def node(runtime: str, nodes: int, pods_per_node: int, image_missing: tuple[str, ...], image_table: tuple[str, ...],
         **options: Any) -> None:
    """Register nodes with an API server and run their pods: simulated ones, or this machine."""
    from wherry.cluster import standalone
    from wherry.cluster.options import DEFAULT_IMAGE_MISSING, Options

    words = ("name", "node_ip", "port", "root_dir", "client_ca_file", "tls_cert_file", "tls_private_key_file")
    own = {word: options.pop(word) for word in words}
    endpoint, config = options.pop("container_runtime_endpoint"), options.pop("kubelet_config")
    bootstrap, pod_network, reading = (options.pop(word) for word in ("bootstrap_kubeconfig", "pod_network", "network_kubeconfig"))
    ports = options.pop("node_port_addresses")
    if runtime != "simulated":
        from wherry.cluster import joined_node

        real = Options(runtime=runtime, nodes=1, pods_per_node=pods_per_node, container_runtime_endpoint=endpoint,
                       kubelet_config=config, shutdown_seconds=_SHUTDOWN, pod_network=pod_network,
                       node_port_addresses=ports)
        real = replace(real, image_table=image_table) if image_table else real
        joining = _joining(own)
        if bootstrap is not None:
            _bootstrap(bootstrap, joining.name, options)
        _run(lambda access: joined_node.run(access, real, joining, _say, _reading(reading)), options)
        return
    chosen = Options(nodes=nodes, pods_per_node=pods_per_node, image_missing=image_missing or DEFAULT_IMAGE_MISSING)
    _run(lambda access: standalone.run_nodes(access, chosen, _say), options)


def _bootstrap(path: Path, name: str, options: dict[str, Any]) -> None:
    """What `--kubeconfig` names is made with the token of that file, unless it is there."""
    from wherry.cluster import node_bootstrap

    if not options["kubeconfig"]:
        raise click.UsageError("--bootstrap-kubeconfig needs --kubeconfig, where the node's own credentials are kept")
    made = Path(options["kubeconfig"])
    if not made.exists():
        _run(lambda access: node_bootstrap.run(access, name, made, _say), {**options, "kubeconfig": str(path)})


def _reading(path: Path | None) -> Access | None:
    from wherry.client.kubeconfig import Overrides, load

    return load(Overrides(kubeconfig=str(path))) if path is not None else None


def _joining(own: dict[str, Any]) -> Joining:
    from wherry.cli.home import default_home
    from wherry.cluster.addresses import advertised
    from wherry.cluster.joined_node import Joining

    name = (own["name"] or socket.gethostname()).lower()
    address = own["node_ip"] or advertised("0.0.0.0") or "127.0.0.1"
    return Joining(
        name=name, address=address, port=own["port"], folder=own["root_dir"] or default_home() / "nodes" / name,
        client_ca=own["client_ca_file"], certificate=own["tls_cert_file"], key=own["tls_private_key_file"],
    )  # fmt: skip


def _say(text: str) -> None:
    click.echo(f"wherry: {text}")


def _timings(options: dict[str, Any]) -> Timings:
    from wherry.rules.objects.leader_election import Timings, refusal

    names = ("lease_duration", "renew_deadline", "retry_period")
    timings = Timings(*(options[f"leader_elect_{name}"] for name in names))
    if why := refusal(timings):
        raise click.UsageError(why)
    return timings


def _election(options: dict[str, Any]) -> Election:
    if not options["leader_elect"]:
        return None
    from wherry.reconcile.leader import LeaderElection

    timings, identity = _timings(options), f"{socket.gethostname()}_{uuid.uuid4()}"
    name, namespace = options["leader_elect_resource_name"], options["leader_elect_resource_namespace"]
    return lambda client, clock: LeaderElection(client, clock, name, identity, namespace=namespace, timings=timings)


def _run(work: Callable[[Access], Coroutine[Any, Any, None]], options: dict[str, Any]) -> None:
    from wherry.client.access import ConfigError
    from wherry.client.kubeconfig import Overrides, load
    from wherry.cluster.standalone import until_stopped
    from wherry.reconcile.leader import LeadershipLost

    set_up(options["verbose"], options["log_format"], least=logging.INFO)
    try:
        access = load(Overrides(kubeconfig=options["kubeconfig"], context=options["context"], server=options["server"]))
        run(until_stopped(work(access)))
    except (ConfigError, LeadershipLost, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{access.server}: {error}") from error
