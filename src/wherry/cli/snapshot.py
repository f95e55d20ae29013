"""`wherry snapshot save|restore|show`: a cluster's state as a file.

`save` asks the cluster of a data directory: over its API while it runs, from its store when it does not. `restore` fills an empty data
directory; `show` says what is in a file. `wherry up --from FILE` starts a cluster with one.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherry.cli import home as homes

if TYPE_CHECKING:
    from wherry.cluster.state import State

_home = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The cluster's data directory.")
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_there = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))


@click.group()
def snapshot() -> None:
    """A cluster's state as a file."""


@snapshot.command()
@_file
@_home
def save(file: Path, data_dir: Path | None) -> None:
    """Write all objects of a cluster to FILE."""
    from wherry.cluster import state

    home = data_dir or homes.default_home()
    running = homes.read_note(home)
    taken = _over_http(home, running.url) if running is not None else _kept(home)
    state.write(file, taken)
    click.echo(f"{len(taken.objects)} objects saved in {file}")


@snapshot.command()
@_there
@_home
def restore(file: Path, data_dir: Path | None) -> None:
    """Fill an empty data directory with the objects of FILE; `wherry up` starts it then."""
    home = data_dir or homes.default_home()
    running = homes.read_note(home)
    if running is not None:
        raise click.ClickException(f"a cluster runs in {home} (pid {running.pid}): stop it with `wherry down`, or give another --data-dir")
    found = _read(file)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    asyncio.run(_into_store(home, found))
    click.echo(f"{len(found.objects)} objects restored into {home}; start it with `wherry up --data-dir {home}`")


@snapshot.command()
@_there
@click.option("--events", type=click.IntRange(0), default=10, show_default=True, help="How many of the last events to show.")
def show(file: Path, events: int) -> None:
    """Say what is in FILE: how many of each kind, the pods, the last events."""
    from wherry.cluster.failures import event_lines, pod_lines

    found = _read(file)
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.now))
    click.echo(f"{len(found.objects)} objects, saved when the cluster's clock said {when}\n")
    counts = Counter(key.partition("/")[0] for key, _ in found.objects)
    width = max(map(len, counts), default=0)
    for kind, count in sorted(counts.items()):
        click.echo(f"{kind:<{width}}  {count}")
    of_kind: dict[str, list[Any]] = {}
    for key, obj in found.objects:
        of_kind.setdefault(key.partition("/")[0], []).append(obj)
    for title, lines in (
        ("pods", [line for pod in of_kind.get("pods", ()) for line in pod_lines(pod)]),
        ("last events", event_lines(of_kind.get("events", ()), events) if events else []),
    ):
        if lines:
            click.echo(f"\n{title}:")
            for line in lines:
                click.echo(f"  {line}")


def _read(file: Path) -> State:
    from wherry.cluster import state

    try:
        return state.read(file)
    except state.StateError as error:
        raise click.ClickException(str(error)) from error


def _kept(home: Path) -> State:
    """Of a cluster that does not run. Raises ClickException."""
    if not home.is_dir():
        raise click.ClickException(f"there is no cluster in {home}")
    return asyncio.run(_from_store(home))


async def _from_store(home: Path) -> State:
    from wherry.cluster import state
    from wherry.store.protocol import StoreError
    from wherry.store.sqlite import SQLiteStore

    try:
        store = await SQLiteStore.open(home, now=time.time)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    try:
        return await state.take(store, time.time())
    finally:
        await store.close()


async def _into_store(home: Path, found: State) -> None:
    from wherry.cluster import state
    from wherry.store.protocol import StoreError
    from wherry.store.sqlite import SQLiteStore

    try:
        store = await SQLiteStore.open(home, now=time.time)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    try:
        await state.put(store, found)
    except state.StateError as error:
        raise click.ClickException(f"{home}: {error}") from error
    finally:
        await store.close()


def _over_http(home: Path, url: str) -> State:
    """Every list of every resource, in the order of the last writes. Raises ClickException."""
    from wherry.cluster.state import State

    pki = home / "pki"
    try:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        headers = {"Authorization": f"Bearer {(pki / 'token').read_text().strip()}", "Accept": "application/json"}

        def get(path: str) -> Any:
            with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers), context=context, timeout=30) as response:
                return json.load(response)

        found = sorted(_objects(get), key=lambda entry: int(entry[1]["metadata"]["resourceVersion"]))
    except OSError as error:
        raise click.ClickException(f"the cluster at {url} does not answer: {error}") from error
    return State(time.time(), tuple(found))


def _objects(get: Any) -> Iterator[tuple[str, Any]]:
    """Each kind in the version that it is stored in."""
    from wherry.api.resources import TABLE

    groups = [("/api/v1", "")]
    groups += [(f"/apis/{g['preferredVersion']['groupVersion']}", g["name"]) for g in get("/apis")["groups"]]
    for path, group in groups:
        for row in get(path)["resources"]:
            # what is worked out from other objects has no writes of its own
            if "/" in row["name"] or not {"list", "create"} <= set(row["verbs"]):
                continue
            known = TABLE.by_path(group, path.rpartition("/")[2], row["name"])
            stored = TABLE.storage(known) if known is not None else None
            if stored is not None and (stored.group, stored.plural) != (group, row["name"]):
                continue  # another kind's objects by another name
            version = stored.version if stored is not None else path.rpartition("/")[2]
            listing = get(f"{path.rpartition('/')[0]}/{version}/{row['name']}")
            table = f"{row['name']}.{group}" if group else row["name"]
            for item in listing["items"]:
                meta = item["metadata"]
                at = f"{table}/{meta['namespace']}/{meta['name']}" if row["namespaced"] else f"{table}/{meta['name']}"
                yield at, {"kind": row["kind"], "apiVersion": listing["apiVersion"], **item}
