"""`wherry image`: the images of real nodes, in the data directory, whether a cluster runs or not."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherry.cli import home as homes

if TYPE_CHECKING:
    from wherry.node.images.store import ImageStore, Stored

_data_dir = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where everything is kept.  [default: the user's data directory]"
)


@click.group()
def image() -> None:
    """Images of nodes that run programs (`wherry up --runtime process`)."""


@image.command()
@click.argument("name")
@click.option("--user", metavar="NAME[:PASSWORD]", help="For the registry; default is what ~/.docker/config.json says.")
@click.option("--plain-http", is_flag=True, help="The registry speaks HTTP without TLS.")
@click.option("--mirror", multiple=True, metavar="URL", help="Ask here before the registry itself.")
@click.option("--quiet", "-q", is_flag=True, help="Print the image's id alone.")
@_data_dir
def pull(name: str, user: str | None, plain_http: bool, mirror: tuple[str, ...], quiet: bool, data_dir: Path | None) -> None:
    """Fetch an image from its registry."""
    from wherry.node.engine import Credentials, PullFailed
    from wherry.node.images import names
    from wherry.node.images.images import Images, Registries

    try:
        wanted = names.parse(name)
    except PullFailed as failed:
        raise click.ClickException(failed.text) from failed
    registries = Registries({wanted.domain: mirror} if mirror else {}, (wanted.domain,) if plain_http else Registries().plain)
    account, _, password = (user or "").partition(":")
    if account and not password:
        password = click.prompt("Password", hide_input=True)
    images = Images(_store(data_dir), registries=registries)
    given = [Credentials(wanted.domain, account, password)] if account else []
    try:
        stored = asyncio.run(_pull(images, name, given, quiet))
    except PullFailed as failed:
        raise click.ClickException(failed.text) from failed
    click.echo(stored.image.id if quiet else f"{wanted}: {_short(stored.image.id)}, {_size(stored.image.size)}")


async def _pull(images: Any, name: str, given: list[Any], quiet: bool) -> Stored:
    screen = sys.stderr.isatty() and not quiet

    def show(there: int, whole: int) -> None:
        if screen:
            click.echo(f"\r{_size(there)} of {_size(whole)}\x1b[K", nl=there >= whole, err=True)

    try:
        stored: Stored = await images.pull(name, given, show)
        return stored
    finally:
        await images.close()


def _load_into_runtime(archives: tuple[Path, ...], name: str, endpoint: str) -> None:
    from wherry.node.cri.loading import load as load_into
    from wherry.node.engine import Unavailable

    if name:
        raise click.UsageError("--name is for --runtime process: archives for a container runtime say their names")
    try:
        for archive in archives:
            for loaded in load_into(endpoint, archive):
                click.echo(loaded)
    except Unavailable as error:
        raise click.ClickException(str(error)) from error


@image.command()
@click.argument("archives", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="ARCHIVE...")
@click.option("--name", default="", help="For an image whose archive says no name.")
@click.option("--runtime", type=click.Choice(["process", "containerd"]), default="process", show_default=True,
              help="Whose nodes they are for; with containerd, this machine's container runtime gets them.")
@click.option("--container-runtime-endpoint", "endpoint", default="", metavar="SOCKET", help="Its socket.  [default: the usual one]")
@_data_dir
def load(archives: tuple[Path, ...], name: str, runtime: str, endpoint: str, data_dir: Path | None) -> None:
    """Take images from archives (`docker save`, `skopeo copy`) or OCI layouts."""
    if runtime == "containerd":
        _load_into_runtime(archives, name, endpoint)
        return
    from wherry.node.engine import PullFailed
    from wherry.node.images.archive import ArchiveError
    from wherry.node.images.archive import load as load_archive

    for path in archives:
        try:
            found = load_archive(_store(data_dir), path, name)
            # images of one configuration are one image with several names
            for shown in dict.fromkeys(each for stored in found for each in stored.image.names or (stored.image.id,)):
                click.echo(f"loaded {shown}")
        except (ArchiveError, PullFailed) as error:
            raise click.ClickException(str(error)) from error


@image.command("ls")
@_data_dir
def list_(data_dir: Path | None) -> None:
    """List the images that are there."""
    rows = [("IMAGE", "ID", "SIZE")]
    for stored in _store(data_dir).all():
        for name in stored.image.names or ("<none>",):
            rows.append((name, _short(stored.image.id), _size(stored.image.size)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, id, size in rows:
        click.echo(f"{name:<{widths[0]}}   {id:<{widths[1]}}   {size}")


@image.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_data_dir
def rm(names: tuple[str, ...], data_dir: Path | None) -> None:
    """Remove names, and images with their last name; what runs keeps what it runs on."""
    from wherry.node.engine import PullFailed

    store = _store(data_dir)
    for name in names:
        try:
            if not store.untag(name):
                raise click.ClickException(f"{name}: no such image")
        except PullFailed as failed:
            raise click.ClickException(failed.text) from failed
        click.echo(f"removed {name}")


@image.command()
@click.argument("name")
@_data_dir
def inspect(name: str, data_dir: Path | None) -> None:
    """Print what is known of an image, and its own configuration, as JSON."""
    from wherry.node.engine import PullFailed

    store = _store(data_dir)
    try:
        found = store.find(name)
    except PullFailed as failed:
        raise click.ClickException(failed.text) from failed
    if found is None:
        raise click.ClickException(f"{name}: no such image")
    configuration = json.loads(store.blob(found.image.id).read_bytes())
    click.echo(json.dumps({
        "id": found.image.id, "names": found.image.names, "digests": found.image.digests, "size": found.image.size,
        "manifest": found.manifest, "layers": [layer._asdict() for layer in found.layers], "configuration": configuration,
    }, indent=2))


def _store(data_dir: Path | None) -> ImageStore:
    from wherry.node.images.store import ImageStore

    return ImageStore((data_dir or homes.default_home()).absolute() / "images")


def _short(id: str) -> str:
    return id.removeprefix("sha256:")[:12]


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g}GB"
