"""What a cluster held at one moment: taken when a wait fails, or when a test's error leaves a fault's `with`, before the fault is undone.

Used by the report of a failed test, which is written later, when everything may be well again. Records are shared and never change, so a
moment costs a list. It is kept on the exception itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.store.protocol import Record

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.state import State

_NAME = "wherry_moment"
#: how far back writes are looked for
_BACK = 1000


@dataclass(frozen=True, slots=True)
class Moment:
    """`writes`: the newest, oldest first. `cluster`: whose moment it is."""

    cluster: Cluster
    now: float
    records: tuple[Record, ...]
    writes: tuple[Record, ...]

    def objects(self, resource: str, namespace: str = "") -> list[Obj]:
        """Of a resource, by its key in the store ("pods"); `namespace` "": of all."""
        start = f"{resource}/{namespace}/" if namespace else f"{resource}/"
        return [record.object() for record in self.records if record.key.startswith(start)]

    def state(self) -> State:
        """As a file holds it."""
        from wherry.cluster.state import State

        ordered = sorted(self.records, key=lambda record: record.revision)
        return State(self.now, tuple((record.key, record.object()) for record in ordered))


async def take(cluster: Cluster) -> Moment:
    """What it holds now."""
    store = cluster.store
    records = tuple((await store.range("")).records)
    return Moment(cluster, cluster.own_clock.now(), records, await _writes(cluster))


async def _writes(cluster: Cluster) -> tuple[Record, ...]:
    store = cluster.store
    after = max(store.oldest, store.revision - _BACK)
    if after >= store.revision:
        return ()
    stream = store.watch("", after=after)
    try:
        return tuple(await anext(aiter(stream)))
    finally:
        stream.close()


def keep(error: BaseException, moment: Moment) -> None:
    """On the exception, unless an earlier moment of that cluster is there."""
    known: list[Moment] = error.__dict__.setdefault(_NAME, [])
    if all(each.cluster is not moment.cluster for each in known):
        known.append(moment)


def kept(error: BaseException | None, cluster: Cluster) -> Moment | None:
    """The moment of that cluster that an exception, or one it came from, has kept."""
    while error is not None:
        for moment in error.__dict__.get(_NAME, ()):
            if moment.cluster is cluster:
                return moment  # type: ignore[no-any-return]
        error = error.__cause__ or error.__context__
    return None
