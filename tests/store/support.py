"""What the store tests share: values whose bytes name their revision, and a reader that takes what is there now."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from wherry.store.protocol import Encoded, Record, Watch
from wherry.store.stamp import unversioned


def value(content: Any = None) -> Encoded:
    return Encoded(b'{"content":"%s"}' % str(content).encode())


def versioned(content: Any = None, labels: dict[str, str] | None = None) -> Encoded:
    """An object as the registry stores it: it gets its revision when it is written."""
    obj = unversioned({"kind": "Pod", "apiVersion": "v1", "content": content, "metadata": {"labels": labels or {}, "name": "a"}})
    return Encoded(msgspec.json.encode(obj), obj)


def revisions(records: list[Record], base: int = 0) -> list[int]:
    """Counted from `base`: a store in which others write too does not begin at 0."""
    return [record.revision - base for record in records]


def keys(records: list[Record]) -> list[str]:
    return [record.key for record in records]


async def take(watch: Watch, count: int) -> list[Record]:
    """The next `count` records, however they are batched."""
    found: list[Record] = []
    while len(found) < count:
        found.extend(await asyncio.wait_for(anext(watch), 5))
    return found
