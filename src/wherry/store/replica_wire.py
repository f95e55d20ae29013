"""What a store tells its replicas in other processes of the machine: messages, each after its length; and the newest revision in memory.

Told by `replication`, heard by `replica`. Messages come some time after the write; the newest revision stands in eight bytes of memory that
all of them share, written before whoever wrote is answered. So a replica knows, without asking, how much it still has to hear.
"""

from __future__ import annotations

import asyncio
import mmap
import tempfile
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from wherry.store.protocol import Encoded, Record

#: bytes of a message's length
_HEAD = 4


class Row(msgspec.Struct, array_like=True, frozen=True):
    """A record without what was before it."""

    key: str
    value: bytes
    revision: int
    create_revision: int
    deleted: bool


class Snapshot(msgspec.Struct, tag="s", array_like=True, frozen=True):
    """Live records at `revision`, in parts; after the `last` they are all."""

    rows: list[Row]
    revision: int
    last: bool


class News(msgspec.Struct, tag="n", array_like=True, frozen=True):
    """What was written, in order."""

    rows: list[Row]


Said: TypeAlias = Snapshot | News
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Said).decode


def row(record: Record) -> Row:
    return Row(record.key, record.value, record.revision, record.create_revision, record.deleted)


def record(row: Row, before: Record | None) -> Record:
    """`before`: the live version that it follows."""
    return Record(row.key, Encoded(row.value), row.revision, row.create_revision, row.deleted, before)


def rows(records: Sequence[Record]) -> list[Row]:
    return [row(each) for each in records]


def write(writer: asyncio.StreamWriter, said: Said) -> None:
    body = _encode(said)
    writer.write(len(body).to_bytes(_HEAD, "big") + body)


async def read(reader: asyncio.StreamReader) -> Said:
    """Raises IncompleteReadError when the other side is gone."""
    length = int.from_bytes(await reader.readexactly(_HEAD), "big")
    return _decode(await reader.readexactly(length))


class Newest:
    """The newest revision, shared: `set` in the process with the store, `newest_at(fileno())` in the others."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        self._file.truncate(mmap.PAGESIZE)
        self._memory = _mapped(self._file.fileno())

    def set(self, revision: int) -> None:
        """One aligned store of eight bytes: a reader sees the number before or this one."""
        self._memory[0] = revision

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


def newest_at(fileno: int) -> Callable[[], int]:
    """Reads what `Newest` wrote."""
    memory = _mapped(fileno)
    return lambda: memory[0]


def _mapped(fileno: int) -> memoryview:
    return memoryview(mmap.mmap(fileno, mmap.PAGESIZE)).cast("Q")
