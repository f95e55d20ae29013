"""Is what clients saw of objects linearizable: a check of recorded reads and writes.

The store gives every version a number, and so an order of all writes; what is left to check is that the order in which clients saw things
is that order: whoever began after somebody else had ended saw no older version. (With the versions as witness this is all that
linearizability of single objects demands; without them it would be a search, as in Wing and Gong, "Testing and verifying concurrent
objects", 1993.) Also: one version, one value; and every write has a version of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Op(NamedTuple):
    """A read or an acknowledged write of an object: when it began and ended, and the version and value that it saw or made."""

    begin: float
    end: float
    key: str
    version: int
    value: object
    write: bool = False


def wrong(ops: Iterable[Op]) -> str:
    """What is not linearizable, "" when all is."""
    by_key: dict[str, list[Op]] = {}
    for op in ops:
        by_key.setdefault(op.key, []).append(op)
    for key, history in by_key.items():
        if why := _values(history) or _order(history):
            return f"{key}: {why}"
    return ""


def _values(history: list[Op]) -> str:
    known: dict[int, Op] = {}
    for op in history:
        other = known.setdefault(op.version, op)
        if other.value != op.value:
            return f"version {op.version} was {other.value!r} and {op.value!r}"
    written = [op.version for op in history if op.write]
    twice = sorted({version for version in written if written.count(version) > 1}) if len(set(written)) < len(written) else []
    return f"two writes have version {twice[0]}" if twice else ""


def _order(history: list[Op]) -> str:
    """Sweeps over time: `newest` is the newest version that somebody had seen or made by then."""
    ended = sorted(history, key=lambda op: op.end)
    newest: Op | None = None
    at = 0
    for op in sorted(history, key=lambda op: op.begin):
        while at < len(ended) and ended[at].end < op.begin:
            if newest is None or ended[at].version > newest.version:
                newest = ended[at]
            at += 1
        if newest is not None and (op.version < newest.version or (op.write and op.version == newest.version)):
            return f"version {newest.version} was there at {newest.end:.6f}, and at {op.begin:.6f} began what saw version {op.version}"
    return ""
