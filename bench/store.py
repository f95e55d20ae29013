"""Micro benchmark of the stores: puts per second, ranges, bytes per record. Run: python bench/store.py"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
import tracemalloc
from pathlib import Path

from wherry.store.history import Bounds
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Encoded, Encoder, Store
from wherry.store.sqlite import SQLiteStore

BODY = b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default"},"spec":"' + b"x" * 1900 + b'"}'


def body(tag: int) -> Encoder:
    return lambda revision: Encoded(b"%d:%d:" % (tag, revision) + BODY)


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


async def ranges(store: Store, count: int) -> None:
    for number in range(count):
        await store.put(f"pods/ns-{number % 50}/pod-{number:05}", body(number))
    for what, limit in (("range of 500, paged", 500), (f"range of {count}", 0)):
        times = []
        for _ in range(20):
            start = time.perf_counter()
            await store.range("pods/", limit=limit)
            times.append(time.perf_counter() - start)
        print(f"{what:32}{min(times) * 1000:10.3f} ms")


async def memory_per_record(count: int) -> None:
    tracemalloc.start()
    store = MemoryStore(Bounds(records=0))
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        await store.put(f"pods/ns-{number % 50}/pod-{number:05}", body(number))
    gc.collect()
    used = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    print(f"{'bytes per record beside value':32}{used - len(BODY) - 12:10.0f}")


async def main() -> None:
    print(f"{'puts/s, memory':32}{await puts(MemoryStore(), 1, 2):10.0f}")
    for writers in (1, 64):
        with tempfile.TemporaryDirectory() as directory:
            store = await SQLiteStore.open(Path(directory))
            print(f"{f'puts/s, SQLite, {writers} writers':32}{await puts(store, writers, 3):10.0f}")
            await store.close()
    await ranges(MemoryStore(), 20_000)
    await memory_per_record(20_000)


asyncio.run(main())
