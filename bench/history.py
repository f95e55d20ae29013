"""History: a million writes to a thousand objects, then a restart: file size, and seconds until the store and the cluster are ready."""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench.setup import SETTINGS
from wherry import Cluster
from wherry.cluster.thread import new_loop
from wherry.store.protocol import Encoded
from wherry.store.sqlite import SQLiteStore

WRITES = 1_000_000
WRITERS = 256
OBJECTS = 1000
FILLING = b"x" * 1800


def run() -> Iterator[tuple[str, float]]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        loop = new_loop()
        begun = time.perf_counter()
        loop.run_until_complete(_write(directory))
        yield f"writes/s, of {SETTINGS.scaled(WRITES):,}", SETTINGS.scaled(WRITES) / (time.perf_counter() - begun)
        yield "MB on disk, before", _megabytes(directory)
        begun = time.perf_counter()
        loop.run_until_complete(_reopen(directory))
        yield "seconds to open the store again", time.perf_counter() - begun
        begun = time.perf_counter()
        loop.run_until_complete(_start(directory))
        yield "seconds to a ready cluster on it", time.perf_counter() - begun
        yield "MB on disk, after", _megabytes(directory)
        loop.close()


async def _write(directory: Path) -> None:
    store = await SQLiteStore.open(directory)

    def encoded(name: str) -> Encoded:
        """A whole ConfigMap, as a cluster that opens the store will read it."""
        head = (f'{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"default","uid":"{uuid.uuid4()}",'
                '"creationTimestamp":"2026-01-01T00:00:00Z","resourceVersion":"').encode()
        return Encoded(b'%b"},"data":{"v":"%b"}}' % (head, FILLING))

    objects = [encoded(f"c-{n}") for n in range(OBJECTS)]

    async def writer(number: int) -> None:
        for count in range(SETTINGS.scaled(WRITES) // WRITERS):
            at = (number + count * WRITERS) % OBJECTS
            await store.put(f"configmaps/default/c-{at}", objects[at])

    await asyncio.gather(*(writer(n) for n in range(WRITERS)))
    await store.close()


async def _reopen(directory: Path) -> None:
    store = await SQLiteStore.open(directory)
    await store.close()


async def _start(directory: Path) -> None:
    async with Cluster(data_dir=directory, nodes=3):
        return


def _megabytes(directory: Path) -> float:
    return sum(f.stat().st_size for f in directory.rglob("*") if f.is_file()) / 1e6
