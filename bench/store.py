"""The stores alone (etcd where there is one): puts per second, milliseconds of ranges, bytes per record."""

from __future__ import annotations

import asyncio
import gc
import shutil
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

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
    if shutil.which("etcd"):
        yield from _etcd_puts()
    yield from asyncio.run(ranges(MemoryStore(), SETTINGS.scaled(20_000, 100)))
    yield asyncio.run(memory_per_record(SETTINGS.scaled(20_000, 100)))


def _etcd_puts() -> Iterator[Figure]:
    """Puts of one server on etcd, and what etcd itself gives: the same transaction by the same client, without a store above it."""
    from tests.worlds.etcd import EtcdServer

    with EtcdServer() as server:
        for writers in (1, 64):
            bare, store, gets = asyncio.run(_on_etcd(server.url, writers))
            yield f"transactions/s, bare etcd, {writers} at once", bare
            yield f"puts/s, etcd, {writers} writers", store
            yield f"puts/s, etcd, {writers} writers, of the bare transactions", store / bare
            yield f"exact gets/s, etcd, {writers} readers", gets


async def _on_etcd(url: str, writers: int) -> tuple[float, float, float]:
    from wherry.store.etcd.connection import Access, Connection
    from wherry.store.etcd.store import EtcdStore, Settings

    access, seconds = Access((url,)), 3 * SETTINGS.size
    connection = Connection(access)
    try:
        bare = await _each(writers, seconds, partial(_bare_put, connection))
    finally:
        await connection.close()
    store = await EtcdStore.open(access, Settings(f"/bench{writers}"))
    try:
        stored = await puts(store, writers, seconds)
        return bare, stored, await _each(writers, seconds, lambda writer, number: store.get(f"pods/ns/{writer}-0"))
    finally:
        await store.close()


async def _bare_put(connection: Any, writer: int, number: int) -> None:
    from wherry.store.etcd.messages import TXN, PutRequest, RequestOp, TxnRequest

    put = PutRequest(key=f"/elsewhere/{writer}-{number % 1000}".encode(), value=BODY)
    await connection.call(TXN, TxnRequest(success=[RequestOp(request_put=put)]))


async def _each(workers: int, seconds: float, work: Callable[[int, int], Awaitable[object]]) -> float:
    """How often a second that many workers do it, each one after the other."""
    start = time.perf_counter()
    counts = [0] * workers

    async def worker(number: int) -> None:
        while time.perf_counter() - start < seconds:
            await work(number, counts[number])
            counts[number] += 1

    await asyncio.gather(*(worker(number) for number in range(workers)))
    return sum(counts) / (time.perf_counter() - start)


async def _durable_puts(writers: int) -> float:
    with tempfile.TemporaryDirectory() as directory:
        store = await SQLiteStore.open(Path(directory))
        try:
            return await puts(store, writers, 3 * SETTINGS.size)
        finally:
            await store.close()
