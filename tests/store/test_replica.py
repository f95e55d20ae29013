"""A store's copy in another process, here over a socket of this one: what is read there is what a read of the store would have given."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from wherry.store.history import Bounds
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Compacted, Encoded, FutureRevision, Record, Store, StoreError, StoreFailed, Watch
from wherry.store.replica import ReplicaStore
from wherry.store.replica_wire import newest_at
from wherry.store.replication import Replication


def value(text: str) -> Encoded:
    return Encoded(b'{"metadata":{"name":"%s"}}' % text.encode())


def shown(records: list[Record]) -> list[tuple[str, bytes, int, int, bool]]:
    return [(r.key, r.value, r.revision, r.create_revision, r.deleted) for r in records]


async def read_to_the_end(watch: Watch) -> None:
    async for _ in watch:
        pass


@asynccontextmanager
async def copied(store: Store, bounds: Bounds | None = None) -> AsyncIterator[ReplicaStore]:
    ours, theirs = socket.socketpair()
    replication = Replication(store)
    telling = asyncio.create_task(replication.tell(*await asyncio.open_unix_connection(sock=ours)))
    replica = await ReplicaStore.open(*await asyncio.open_unix_connection(sock=theirs), newest_at(replication.newest.fileno()), bounds)
    following = asyncio.create_task(replica.follow_first())
    try:
        yield replica
    finally:
        await replica.close()
        await asyncio.gather(telling, following)
        replication.close()


@pytest.mark.asyncio
async def test_what_was_there_and_what_comes_is_in_the_copy() -> None:
    store = MemoryStore()
    await store.put("pods/a", value("a"))
    gone = await store.put("pods/b", value("b"))
    await store.delete("pods/b")
    async with copied(store) as replica:
        assert replica.revision == 3
        assert shown((await replica.range("pods/")).records) == shown((await store.range("pods/")).records)
        watch = replica.watch("pods/", after=3)
        await store.put("pods/a", value("a2"))
        await store.put("nodes/n", value("n"))
        await store.delete("pods/a")
        seen = await anext(watch)
        while len(seen) < 2:
            seen += await anext(watch)
        assert [(r.key, r.revision, r.deleted) for r in seen] == [("pods/a", 4, False), ("pods/a", 6, True)]
        assert seen[0].prev is not None
        assert seen[0].prev.revision == 1
        assert await replica.get("pods/a") is None
        here, there = await replica.get("nodes/n"), store.known("nodes/n")
        assert here is not None
        assert there is not None
        assert shown([here]) == shown([there])
        with pytest.raises(Compacted):
            replica.watch("pods/", after=gone.revision)
        with pytest.raises(FutureRevision):
            replica.watch("pods/", after=100)


@pytest.mark.asyncio
async def test_reads_that_follow_a_write_have_it() -> None:
    store = MemoryStore()
    async with copied(store) as replica:
        for number in range(200):
            written = await store.put(f"pods/{number % 7}", value(str(number)))
            found = await replica.get(written.key)
            assert found is not None
            assert found.revision == written.revision
            await replica.settle()
            assert replica.revision == store.revision


@pytest.mark.asyncio
async def test_a_random_walk_leads_to_the_same_place() -> None:
    rng = random.Random(7)
    store = MemoryStore()
    async with copied(store) as replica:
        for number in range(500):
            key = f"{rng.choice(('pods', 'nodes'))}/{rng.randrange(20)}"
            if store.known(key) is not None and rng.random() < 0.4:
                await store.delete(key)
            else:
                await store.put(key, value(str(number)))
            if rng.random() < 0.1:
                await replica.settle()
                then = max(replica.oldest, store.revision - rng.randrange(20))
                for revision in (0, then):
                    there, here = await store.range("pods/", revision=revision), await replica.range("pods/", revision=revision)
                    assert shown(here.records) == shown(there.records)


@pytest.mark.asyncio
async def test_a_copy_that_fell_too_far_behind_is_made_anew_and_its_watches_end() -> None:
    store = MemoryStore(Bounds(watch_buffer=5))
    async with copied(store) as replica:
        watch = replica.watch("pods/", after=0)
        for number in range(50):  # in one turn of the loop: nobody reads meanwhile
            await store.put(f"pods/{number}", value(str(number)))
        await replica.settle()
        assert len((await replica.range("pods/")).records) == 50
        with pytest.raises(Compacted):
            await read_to_the_end(watch)


@pytest.mark.asyncio
async def test_nothing_is_written_there() -> None:
    async with copied(MemoryStore()) as replica:
        for write in (replica.put("pods/a", value("a")), replica.delete("pods/a"), replica.claim("addresses")):
            with pytest.raises(StoreFailed, match="this process only reads"):
                await write


@pytest.mark.asyncio
async def test_a_version_that_comes_is_waited_for() -> None:
    store = MemoryStore()
    async with copied(store) as replica:
        assert not await replica.reach(1, 0.05)
        await store.put("pods/a", value("a"))
        assert await replica.reach(1, 5)


@pytest.mark.asyncio
async def test_without_the_first_process_readers_are_told() -> None:
    ours, theirs = socket.socketpair()
    store = MemoryStore()
    replication = Replication(store)
    telling = asyncio.create_task(replication.tell(*await asyncio.open_unix_connection(sock=ours)))
    replica = await ReplicaStore.open(*await asyncio.open_unix_connection(sock=theirs), newest_at(replication.newest.fileno()))
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    replication.close()
    await asyncio.wait_for(replica.follow_first(), 10)
    with pytest.raises(StoreFailed, match="the process with the store is gone"):
        await replica.get("pods/a")
    await replica.close()


@pytest.mark.asyncio
async def test_a_copy_that_cannot_begin_says_so() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with pytest.raises(StoreError, match="is gone"):
        await ReplicaStore.open(*await asyncio.open_unix_connection(sock=theirs), lambda: 0)
