"""What the store tests share: values whose bytes name their revision, and a reader that takes what is there now."""

from __future__ import annotations

import asyncio
from typing import Any

from wherry.store.protocol import Encoded, Encoder, Record, Watch


def value(content: Any = None) -> Encoder:
    return lambda revision: Encoded(b'{"revision":%d,"content":"%s"}' % (revision, str(content).encode()))


def revisions(records: list[Record]) -> list[int]:
    return [record.revision for record in records]


def keys(records: list[Record]) -> list[str]:
    return [record.key for record in records]


async def take(watch: Watch, count: int) -> list[Record]:
    """The next `count` records, however they are batched."""
    found: list[Record] = []
    while len(found) < count:
        found.extend(await asyncio.wait_for(anext(watch), 5))
    return found
