"""A cluster's state as a file: every object, in the order of its last write, and the time on the cluster's clock, as readable JSON.

`Cluster.save` writes one, `Cluster.load`, `wherry up --from` and `wherry snapshot` read it. Objects keep their uids and everything else but
the resourceVersion, which counts anew in the same order. Secrets are in the file as they are, so it is readable by its owner only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wherry.api.objects import Obj
from wherry.errors import WherryError
from wherry.kit.files import replacing
from wherry.registry.storing import seed
from wherry.store.protocol import Store

if TYPE_CHECKING:
    from wherry.cluster.options import Options

FORMAT = "wherry-state/1"


class StateError(WherryError, ValueError):
    """The file is no saved state, or the cluster it is to go into is not empty."""


@dataclass(frozen=True, slots=True)
class State:
    """`now`: the cluster's time, in seconds since 1970. `objects`: (key in the store, object)."""

    now: float
    objects: tuple[tuple[str, Obj], ...]


async def take(store: Store, now: float) -> State:
    """What the store holds now."""
    records = sorted((await store.range("")).records, key=lambda record: record.revision)
    return State(now, tuple((record.key, record.object()) for record in records))


async def put(store: Store, state: State) -> None:
    """Into an empty store. Raises StateError, StoreFailed."""
    if store.revision:
        raise StateError("a saved state goes into an empty cluster, and this one has objects")
    await seed(store, state.objects)


def take_back(options: Options) -> None:
    """A start that failed leaves no saved state behind in the data directory, where the next start would meet it."""
    from wherry.store import sqlite

    if options.data_dir is not None and not options.ephemeral:
        sqlite.remove(options.data_dir)


def write(path: Path, state: State) -> None:
    """In one step: a reader sees the old file or the new one."""
    with replacing(path) as file:
        file.writelines(line.encode() for line in _lines(state))


def _lines(state: State) -> Iterable[str]:
    """One line an object."""
    yield f'{{"format": "{FORMAT}", "now": {state.now!r}, "objects": [\n'
    for at, (key, obj) in enumerate(state.objects):
        yield ("" if at == 0 else ",\n") + json.dumps({"key": key, "object": obj}, ensure_ascii=False)
    yield "\n]}\n"


def read(path: Path) -> State:
    """Raises StateError, OSError."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StateError(f"{path} is no saved state: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise StateError(f"{path} is no saved state of this version: its format is not {FORMAT}")
    try:
        return State(float(found["now"]), tuple((entry["key"], entry["object"]) for entry in found["objects"]))
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"{path} is no saved state: {error!r}") from error
