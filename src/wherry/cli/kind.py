"""`wherry kind`, and `kind` itself where `wherry kind shim DIR` put it on a PATH: kind's commands on wherry clusters, without Docker.

For test suites and scripts written for kind. Each cluster is a `wherry up --detach` with a data directory of its own under
$WHERRY_KIND_HOME; its context is kind-NAME, as there. What kind does with containers (node images, logs of nodes) is refused by name.
Source of the words: sigs.k8s.io/kind pkg/cmd (create, delete, get, load, export), pkg/cluster/internal/create/create.go.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import platformdirs

from wherry import __version__
from wherry.cli import home as homes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: the version of kind whose commands these are
KIND_VERSION = "v0.30.0"
_PRESENT = "wherry.dev/simulated-image-present"

_name = click.option(
    "--name", "-n", default=lambda: os.environ.get("KIND_CLUSTER_NAME", "kind"), help="The cluster's name.  [default: kind]"
)
_kubeconfig = click.option(
    "--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Instead of $KUBECONFIG or ~/.kube/config."
)


def _say(text: str) -> None:
    """kind speaks on standard error; its output is for programs."""
    if not click.get_current_context().find_root().params.get("quiet"):
        click.echo(text, err=True)


def home_of(name: str) -> Path:
    root = os.environ.get("WHERRY_KIND_HOME")
    return (Path(root) if root else Path(platformdirs.user_data_dir("wherry-kind"))) / name


def _clusters() -> list[str]:
    root = home_of("x").parent
    return sorted(each.name for each in root.iterdir() if homes.read_note(each) is not None) if root.is_dir() else []


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quiet", "-q", is_flag=True, help="Say nothing on standard error.")
@click.option("--verbosity", "-v", type=int, default=0, help="Accepted as kind does.")
@click.version_option(f"{KIND_VERSION} (wherry {__version__})", message="kind version %(version)s")
def kind(quiet: bool, verbosity: int) -> None:
    """kind's commands, on clusters of wherry: no Docker, up in half a second."""


@kind.group()
def create() -> None:
    """Create a cluster."""


@create.command("cluster")
@_name
@_kubeconfig
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True), help="kind's file: its nodes are counted."
)
@click.option("--image", help="Accepted; the version is wherry's own.")
@click.option("--retain", is_flag=True, help="Accepted.")
@click.option("--wait", help="Accepted; the cluster is ready when this returns.")
def create_cluster(name: str, kubeconfig: Path | None, config: Path | None, **accepted: Any) -> None:
    """Start a cluster and make its context the current one."""
    if name in _clusters():
        raise click.ClickException(f'failed to create cluster: node(s) already exist for a cluster with the name "{name}"')
    nodes = _count_nodes(config)
    home = home_of(name)
    _say(f'Creating cluster "{name}" ...')
    command = [sys.executable, "-m", "wherry.cli.main", "up", "--data-dir", str(home), "--ephemeral", "--port", "0", "--nodes", str(nodes)]
    with _contents() as contents:
        done = subprocess.run([*command, "--manifests", contents, "--detach"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise click.ClickException(f"failed to create cluster: {done.stderr.strip() or done.stdout.strip()}")
    _export(name, kubeconfig)
    _say(f" • {nodes} simulated node{'' if nodes == 1 else 's'}")
    _say(f'Set kubectl context to "kind-{name}"')


@contextmanager
def _contents() -> Iterator[str]:
    """A file of what kind's clusters have from the start."""
    from wherry.testing import kind_contents

    with tempfile.NamedTemporaryFile("w", prefix="wherry-kind-", suffix=".json", encoding="utf-8") as file:
        json.dump({"apiVersion": "v1", "kind": "List", "items": kind_contents.objects()}, file)
        file.flush()
        yield file.name


def _count_nodes(config: Path | None) -> int:
    if config is None:
        return 1
    import yaml

    text = sys.stdin.read() if str(config) == "-" else config.read_text(encoding="utf-8")
    told = yaml.safe_load(text) or {}
    if not isinstance(told, dict) or told.get("kind", "Cluster") != "Cluster":
        raise click.ClickException(f"{config} is no configuration of a kind cluster")
    return max(1, len(told.get("nodes") or ()))


@kind.group()
def delete() -> None:
    """Delete clusters."""


@delete.command("cluster")
@_name
@_kubeconfig
def delete_cluster(name: str, kubeconfig: Path | None) -> None:
    """Stop a cluster and remove it from the kubeconfig."""
    _say(f'Deleting cluster "{name}" ...')
    _delete(name, kubeconfig)


@delete.command("clusters")
@click.argument("names", nargs=-1)
@click.option("--all", "-A", "everything", is_flag=True, help="All of them.")
@_kubeconfig
def delete_clusters(names: tuple[str, ...], everything: bool, kubeconfig: Path | None) -> None:
    """Stop several clusters."""
    chosen = _clusters() if everything else list(names)
    for name in chosen:
        _delete(name, kubeconfig)
    _say(f"Deleted clusters: {json.dumps(chosen)}")


def _delete(name: str, path: Path | None) -> None:
    home = home_of(name)
    if homes.read_note(home) is not None:
        done = subprocess.run([sys.executable, "-m", "wherry.cli.main", "down", "--data-dir", str(home)], capture_output=True, text=True)
        if done.returncode:
            raise click.ClickException(f"failed to delete cluster: {done.stderr.strip()}")
    shutil.rmtree(home, ignore_errors=True)
    from wherry.cluster import kubeconfig

    kubeconfig.remove(_path(path), f"kind-{name}")


@kind.group()
def get() -> None:
    """Get clusters, nodes or a kubeconfig."""


@get.command("clusters")
def get_clusters() -> None:
    """The names of the clusters that run."""
    found = _clusters()
    if not found:
        _say("No kind clusters found.")
    for name in found:
        click.echo(name)


@get.command("nodes")
@_name
@click.option("--all-clusters", "-A", is_flag=True)
def get_nodes(name: str, all_clusters: bool) -> None:
    """The names of the nodes."""
    found = [node for each in (_clusters() if all_clusters else [name]) for node in _nodes(each)]
    if not found:
        _say(f"No kind nodes found for cluster {json.dumps(name)}.")
    for node in found:
        click.echo(node)


def _nodes(name: str) -> list[str]:
    running = homes.read_note(home_of(name))
    return [f"sim-{at}" for at in range(running.nodes)] if running is not None else []


@get.command("kubeconfig")
@_name
@click.option("--internal", is_flag=True, help="Accepted; there is one address.")
def get_kubeconfig(name: str, internal: bool) -> None:
    """Print the kubeconfig of a cluster."""
    from wherry.cluster import kubeconfig

    click.echo(kubeconfig.dump(_config(name)), nl=False)


@kind.group()
def export() -> None:
    """Export a kubeconfig."""


@export.command("kubeconfig")
@_name
@_kubeconfig
@click.option("--internal", is_flag=True, help="Accepted; there is one address.")
def export_kubeconfig(name: str, kubeconfig: Path | None, internal: bool) -> None:
    """Make the cluster's context the current one."""
    _export(name, kubeconfig)
    _say(f'Set kubectl context to "kind-{name}"')


@kind.group()
def load() -> None:
    """Make images known to the nodes."""


@load.command("docker-image")
@click.argument("images", nargs=-1, required=True)
@_name
@click.option("--nodes", default="", help="Only these, with commas.")
def load_image(images: tuple[str, ...], name: str, nodes: str) -> None:
    """The images are on the nodes from now on; Docker is not asked whether it has them."""
    chosen = [node for node in nodes.split(",") if node] or _nodes(name)
    if not chosen:
        raise click.ClickException(f'no nodes found for cluster "{name}"')
    request = _requester(name)
    for node in chosen:
        known = request("GET", f"/api/v1/nodes/{node}", None)["metadata"].get("annotations", {}).get(_PRESENT, "")
        present = [*dict.fromkeys([*filter(None, known.split(",")), *images])]
        request("PATCH", f"/api/v1/nodes/{node}", {"metadata": {"annotations": {_PRESENT: ",".join(present)}}})
        for image in images:
            _say(f'Image: "{image}" not yet present on node "{node}", loading...')


@kind.command()
def version() -> None:
    """Print the version."""
    click.echo(f"kind {KIND_VERSION} (wherry {__version__})")


@kind.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
def shim(folder: Path) -> None:
    """Put an executable `kind` into a folder that is on your PATH."""
    from wherry.testing.kind_shim import write

    try:
        write(folder / "kind")
    except FileExistsError as error:
        raise click.ClickException(f"{folder / 'kind'} exists already; it was not changed") from error
    click.echo(f"{folder / 'kind'} is wherry's now: export PATH={folder}:$PATH")


# --- the cluster behind a name ---
def _config(name: str) -> dict[str, Any]:
    """Its kubeconfig, as kind writes it. Raises ClickException."""
    from wherry.testing import kind_contents

    home = home_of(name)
    running = homes.read_note(home)
    if running is None:
        raise click.ClickException(
            f'could not locate any control plane nodes for cluster named "{name}". Use the --name option to select a different cluster'
        )
    return kind_contents.config(name, running.url, home / "pki")


def _path(path: Path | None) -> Path:
    """Where kubectl would write."""
    if path is not None:
        return path
    listed = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return Path(listed[0]) if listed else Path.home() / ".kube" / "config"


def _export(name: str, path: Path | None) -> None:
    from wherry.cluster import kubeconfig

    try:
        kubeconfig.merge(_path(path), _config(name))
    except kubeconfig.KubeconfigError as error:
        raise click.ClickException(str(error)) from error


def _requester(name: str) -> Callable[[str, str, Any], Any]:
    import ssl
    import urllib.request

    running = homes.running_in(home_of(name))
    pki = home_of(name) / "pki"
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    headers = {"Authorization": f"Bearer {(pki / 'token').read_text().strip()}", "Content-Type": "application/merge-patch+json"}

    def request(method: str, path: str, body: Any) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(running.url + path, data=data, method=method, headers={**headers, "Accept": "application/json"})
        with urllib.request.urlopen(asked, context=context, timeout=10) as response:
            return json.load(response)

    return request


def main() -> None:
    """The entry point of the shim: errors in kind's form."""
    try:
        kind.main(prog_name="kind", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        click.echo(f"ERROR: {error.format_message()}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
