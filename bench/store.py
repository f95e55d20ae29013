"""The stores alone: puts per second, milliseconds of ranges, bytes per record."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from bench.setup import SETTINGS
from wherry.store.history import Bounds
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Encoded, Store
from wherry.store.sqlite import SQLiteStore

Figure = tuple[str, float]
BODY = b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default"},"spec":"' + b"x" * 1900 + b'"}'


def body(tag: int) -> Encoded:
    return Encoded(b"%d:" % tag + BODY)


async def puts(store: Store, writers: int, seconds: float) -> float:
    """Puts per second of that many writers, each waiting for its own."""
    end = time.perf_counter() + seconds
    counts = [0] * writers

    async def writer(number: int) -> None:
        while time.perf_counter() < end:
            await store.put(f"pods/ns/{number}-{counts[number] % 1000}", body(number))
            counts[number] += 1

    start = time.perf_counter()
    await asyncio.gather(*(writer(n) for n in range(writers)))
    return sum(counts) / (time.perf_counter() - start)


async def ranges(store: Store, count: int) -> list[Figure]:
    figures = []
    for number in range(count):
        await store.put(f"pods/ns-{number % 50}/pod-{number:05}", body(number))
    for what, limit in (("range of 500, paged", 500), (f"range of {count}", 0)):
        times = []
        for _ in range(20):
            start = time.perf_counter()
            await store.range("pods/", limit=limit)
            times.append(time.perf_counter() - start)
        figures.append((f"{what}, ms", min(times) * 1000))
    return figures


async def memory_per_record(count: int) -> Figure:
    tracemalloc.start()
    store = MemoryStore(Bounds(records=0))
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        await store.put(f"pods/ns-{number % 50}/pod-{number:05}", body(number))
    gc.collect()
    used = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    return "bytes per record beside value", used - len(BODY) - 12


def run() -> Iterator[Figure]:
    yield "puts/s, memory", asyncio.run(puts(MemoryStore(), 1, 2 * SETTINGS.size))
    for writers in (1, 64):
        yield f"puts/s, SQLite, {writers} writers", asyncio.run(_durable_puts(writers))
    yield from asyncio.run(ranges(MemoryStore(), SETTINGS.scaled(20_000, 100)))
    yield asyncio.run(memory_per_record(SETTINGS.scaled(20_000, 100)))


async def _durable_puts(writers: int) -> float:
    with tempfile.TemporaryDirectory() as directory:
        store = await SQLiteStore.open(Path(directory))
        try:
            return await puts(store, writers, 3 * SETTINGS.size)
        finally:
            await store.close()
