"""`wherry backup`, `restore` and `migrate`: a cluster's objects and keys into a file, out of it, and between SQLite and etcd."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherry.cli import home as homes
from wherry.cli.cluster_options import some_flags

if TYPE_CHECKING:
    from wherry.cluster.options import Options
    from wherry.store.copies import Copy

_home = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The cluster's data directory.")
_stores = some_flags("etcd_servers", "etcd_prefix", "etcd_cafile", "etcd_certfile", "etcd_keyfile", "etcd_username", "etcd_password_file",
                     "encryption_provider_config")
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@_file
@_home
@_stores
def backup(file: Path, data_dir: Path | None, **given: Any) -> None:
    """Copy objects, CA and keys into FILE, and read it back; the cluster may run."""
    options = _options(data_dir, given)
    if file.exists():
        raise click.ClickException(f"{file} exists: give another name, or take it away")
    done = _done(lambda: _work().backup(options, file))
    _say(done, f"in {file}, as of revision {done.revision}")


@click.command()
@_file
@_home
@_stores
def restore(file: Path, data_dir: Path | None, **given: Any) -> None:
    """Put the copy FILE into an empty data directory, or into etcd where nothing is; no server may run."""
    options = _options(data_dir, given, make=True)
    done = _done(lambda: _work().restore(options, file))
    _say(done, f"restored into {_place(options)}")


@click.command()
@click.argument("direction", type=click.Choice(["to-etcd", "to-sqlite"]))
@_home
@_stores
def migrate(direction: str, data_dir: Path | None, **given: Any) -> None:
    """Copy a cluster that does not run from its data directory into etcd (to-etcd), or back (to-sqlite)."""
    to_etcd = direction == "to-etcd"
    options = _options(data_dir, given, make=not to_etcd)
    if not options.etcd_servers:
        raise click.UsageError("migrate: give --etcd-servers")
    done = _done(lambda: _work().migrate(options, to_etcd=to_etcd))
    _say(done, f"copied {'into etcd at ' + ', '.join(options.etcd_servers) if to_etcd else f'into {options.data_dir}'}")


def _work() -> Any:
    from wherry.cluster import backup

    return backup


def _options(data_dir: Path | None, given: dict[str, Any], *, make: bool = False) -> Options:
    """`make`: the directory may be missing."""
    from wherry.cluster.options import Options

    home = (data_dir or homes.default_home()).absolute()
    if make:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Options(data_dir=home, **given)


def _done(work: Callable[[], Coroutine[Any, Any, Copy]]) -> Copy:
    from wherry.store.encryption.transformer import Sealed
    from wherry.store.protocol import StoreError, StoreFailed

    try:
        return asyncio.run(work())
    except (StoreError, StoreFailed, Sealed) as error:
        raise click.ClickException(str(error)) from error


def _place(options: Options) -> str:
    return f"etcd at {', '.join(options.etcd_servers)}" if options.etcd_servers else str(options.data_dir)


def _say(done: Copy, where: str) -> None:
    keys = "with the cluster's keys" if done.kept else "without keys: there are none yet"
    click.echo(f"{len(done.records)} objects {where}, {keys}")
