"""What memory holds of a cluster, by kind of thing: the bytes that are stored, and the decoded forms beside them.

Used by `bench.scale` once a cluster is filled. Parts that many objects share count once. Decoded forms are measured on a sample of each
kind's records, taken at even distances.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from wherry.store.protocol import Record

#: records of a kind whose decoded form is measured
SAMPLE = 2000
#: kinds that have a line of their own, those that hold most
_LINES = 5


def by_kind(records: Iterable[Record]) -> dict[str, tuple[float, float]]:
    """By resource, those that hold most first, the rest as `others`: the bytes of JSON and the bytes of decoded forms."""
    kinds: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        kinds[record.key.partition("/")[0]].append(record)
    seen: set[int] = set()
    found = {kind: (float(sum(sys.getsizeof(each.value) for each in of)), _decoded(of, seen)) for kind, of in kinds.items()}
    ordered = sorted(found, key=lambda kind: -sum(found[kind]))
    lines = {kind: found[kind] for kind in ordered[:_LINES]}
    rest = [found[kind] for kind in ordered[_LINES:]]
    return {**lines, "others": (sum(bytes_ for bytes_, _ in rest), sum(decoded for _, decoded in rest))}


def _decoded(records: Sequence[Record], seen: set[int]) -> float:
    sample = records[:: max(1, len(records) // SAMPLE)]
    return sum(_size(each.obj, seen) for each in sample if each.obj is not None) * len(records) / len(sample)


def _size(thing: Any, seen: set[int]) -> int:
    """Bytes of a decoded object and all in it that was not counted yet."""
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    size = sys.getsizeof(thing)
    if isinstance(thing, dict):
        size += sum(_size(key, seen) + _size(value, seen) for key, value in thing.items())
    elif isinstance(thing, (list, tuple)):
        size += sum(_size(each, seen) for each in thing)
    return size
