"""What every store does: the contract of wherry.store.protocol."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from tests.store.support import keys, revisions, take, value, versioned
from wherry.store.follow import when_first, when_next
from wherry.store.history import Bounds
from wherry.store.protocol import Compacted, CompareFailed, FutureRevision, Record, Store, StoreFailed


def on_a_store(test: Callable[[Store], Awaitable[None]]) -> Callable[..., None]:
    """Run the coroutine test with a fresh store, and close that."""

    async def run(open_store: Any) -> None:
        store = await open_store()
        try:
            await test(store)
        finally:
            await store.close()

    @functools.wraps(test)
    def wrapper(open_store: Any) -> None:
        asyncio.run(run(open_store))

    del wrapper.__wrapped__
    return wrapper


@on_a_store
async def test_revisions_count_all_writes(store: Store) -> None:
    base = store.revision
    written = [await store.put("pods/a", value()), await store.put("nodes/n", value()), await store.delete("pods/a")]
    assert revisions(written, base) == [1, 2, 3]
    assert store.revision == base + 3


@on_a_store
async def test_a_value_gets_the_revision_of_its_write(store: Store) -> None:
    await store.put("pods/b", value())
    for _ in range(2):
        written = await store.put("pods/a", versioned("x", {"resourceVersion": ""}))
        expected = {"kind": "Pod", "apiVersion": "v1", "content": "x",
                    "metadata": {"name": "a", "resourceVersion": str(written.revision), "labels": {"resourceVersion": ""}}}
        assert written.object() == msgspec.json.decode(written.value) == expected
        head = b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"%d",'
        assert written.value.startswith(head % written.revision)


@on_a_store
async def test_a_deletion_shows_the_last_version_with_its_own_revision(store: Store) -> None:
    before = await store.put("pods/a", versioned("x", {"resourceVersion": "1"}))
    gone = await store.delete("pods/a")
    assert before.object()["metadata"]["resourceVersion"] == str(before.revision)
    assert gone.object() == msgspec.json.decode(gone.value)
    assert gone.object() == {**before.object(), "metadata": {**before.object()["metadata"], "resourceVersion": str(before.revision + 1)}}
    assert gone.prev is before


@on_a_store
async def test_a_deletion_shows_another_last_state_where_one_is_given(store: Store) -> None:
    await store.put("pods/a", versioned("x"))
    gone = await store.delete("pods/a", versioned("y"))
    assert gone.object()["content"] == "y"
    assert gone.object()["metadata"]["resourceVersion"] == str(gone.revision)


@on_a_store
async def test_a_write_that_is_refused_leaves_no_gap(store: Store) -> None:
    first = await store.put("pods/b", value())
    with pytest.raises(CompareFailed):
        await store.put("pods/b", value(), expect=0)
    assert (await store.put("pods/a", value())).revision == first.revision + 1


@on_a_store
async def test_a_record_knows_when_its_key_was_created_and_what_was_before(store: Store) -> None:
    first = await store.put("pods/a", value())
    second = await store.put("pods/a", value())
    assert (second.create_revision, second.prev) == (first.revision, first)


@on_a_store
async def test_a_key_created_again_after_deletion_starts_a_new_life(store: Store) -> None:
    await store.put("pods/a", value())
    await store.delete("pods/a", value())
    again = await store.put("pods/a", value(), expect=0)
    assert (again.create_revision, again.prev) == (again.revision, None)


@on_a_store
async def test_expect_zero_refuses_a_key_that_exists(store: Store) -> None:
    record = await store.put("pods/a", value(), expect=0)
    with pytest.raises(CompareFailed) as failed:
        await store.put("pods/a", value(), expect=0)
    assert failed.value.current is record


@on_a_store
async def test_expect_a_revision_refuses_any_other(store: Store) -> None:
    first = await store.put("pods/a", value())
    second = await store.put("pods/a", value(), expect=first.revision)
    for write in (store.put, store.delete):
        with pytest.raises(CompareFailed) as failed:
            await write("pods/a", value(), expect=first.revision)
        assert failed.value.current is second


@on_a_store
async def test_deleting_what_is_not_there_fails(store: Store) -> None:
    with pytest.raises(CompareFailed) as failed:
        await store.delete("pods/a", value())
    assert failed.value.current is None


@on_a_store
async def test_of_concurrent_writers_that_expect_the_same_revision_one_wins(store: Store) -> None:
    first = await store.put("pods/a", value())
    results = await asyncio.gather(*(store.put("pods/a", value(n), expect=first.revision) for n in range(5)), return_exceptions=True)
    assert [type(r).__name__ for r in results].count("Record") == 1
    winner = await store.get("pods/a")
    assert all(r.current is winner for r in results if isinstance(r, CompareFailed))


@on_a_store
async def test_a_deletion_is_a_record_with_the_last_state(store: Store) -> None:
    alive = await store.put("pods/a", value("alive"))
    gone = await store.delete("pods/a", value("last"), expect=alive.revision)
    assert (gone.deleted, gone.revision, gone.object()["content"]) == (True, store.revision, "last")
    assert await store.get("pods/a") is None


@on_a_store
async def test_a_range_is_in_key_order_and_within_its_prefix(store: Store) -> None:
    for key in ("pods/b/2", "pods/a/1", "podtemplates/a/1", "pods/b/10", "pods/ab/1"):
        await store.put(key, value())
    assert keys((await store.range("pods/")).records) == ["pods/a/1", "pods/ab/1", "pods/b/10", "pods/b/2"]
    assert keys((await store.range("pods/b/")).records) == ["pods/b/10", "pods/b/2"]
    assert len((await store.range("")).records) == 5
    assert (await store.range("jobs/")).records == []


@on_a_store
async def test_a_range_at_a_revision_shows_the_state_of_then(store: Store) -> None:
    await store.put("pods/a", value("a1"))
    second = await store.put("pods/b", value("b1"))
    await store.put("pods/a", value("a2"))
    gone = await store.delete("pods/b")
    await store.put("pods/c", value("c1"))
    found = await store.range("pods/", revision=second.revision)
    assert [r.object()["content"] for r in found.records] == ["a1", "b1"]
    assert found.revision == second.revision
    assert [r.object()["content"] for r in (await store.range("pods/", revision=gone.revision)).records] == ["a2"]


@pytest.mark.parametrize("later", [False, True], ids=["now", "at an older revision"])
def test_pages_join_to_the_whole_with_exact_remainders(open_store: Any, later: bool) -> None:
    async def run() -> None:
        store = await open_store()
        base = store.revision
        for n in range(10):
            await store.put(f"pods/{n}", value())
        revision = store.revision if later else 0
        if later:
            await store.delete("pods/3", value())
            await store.put("pods/35", value())
            await store.put("pods/4", value("new"))
        pages, after = [], ""
        while True:
            page = await store.range("pods/", revision=revision, after=after, limit=3)
            pages.append((revisions(page.records, base), page.remaining))
            if not page.remaining:
                break
            after = page.records[-1].key
        assert pages == [([1, 2, 3], 7), ([4, 5, 6], 4), ([7, 8, 9], 1), ([10], 0)]
        await store.close()

    asyncio.run(run())


@on_a_store
async def test_size_counts_the_live_keys_of_a_table(store: Store) -> None:
    await store.put("pods/a", value())
    await store.put("pods/b", value())
    await store.put("pods/b", value())
    await store.delete("pods/a", value())
    assert (store.size("pods"), store.size("nodes")) == (1, 0)


@on_a_store
async def test_a_watch_replays_history_and_goes_on(store: Store) -> None:
    base = store.revision
    for n in range(4):
        await store.put(f"pods/{n}", value())
    watch = store.watch("pods/", after=base + 2)
    await store.delete("pods/0")
    assert revisions(await take(watch, 3), base) == [3, 4, 5]


@on_a_store
async def test_a_watch_sees_only_its_prefix(store: Store) -> None:
    base = store.revision
    watch = store.watch("pods/a/", after=base)
    everything = store.watch("", after=base)
    for key in ("pods/ab/1", "pods/a/1", "nodes/a/1", "pods/a/2"):
        await store.put(key, value())
    assert keys(await take(watch, 2)) == ["pods/a/1", "pods/a/2"]
    assert revisions(await take(everything, 4), base) == [1, 2, 3, 4]


@on_a_store
async def test_a_waiting_watcher_gets_all_of_a_burst_in_order(store: Store) -> None:
    base = store.revision
    watch = store.watch("pods/", after=base)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    await asyncio.gather(*(store.put(f"pods/{n}", value()) for n in range(50)))
    first = await waiting
    assert revisions(first + await take(watch, 50 - len(first)), base) == list(range(1, 51))


@on_a_store
async def test_reading_or_watching_the_future_is_refused(store: Store) -> None:
    record = await store.put("pods/a", value())
    with pytest.raises(FutureRevision):
        await store.range("pods/", revision=record.revision + 1)
    with pytest.raises(FutureRevision):
        store.watch("pods/", after=record.revision + 1)


@on_a_store
async def test_compaction_forgets_history_and_keeps_live_records(store: Store) -> None:
    base = store.revision
    for n in range(4):
        await store.put("pods/a", value(n))
    await store.put("pods/b", value())
    store.compact(base + 3)
    assert store.oldest == base + 3
    with pytest.raises(Compacted):
        store.watch("pods/", after=base + 2)
    with pytest.raises(Compacted):
        await store.range("pods/", revision=base + 2)
    assert [r.object()["content"] for r in (await store.range("pods/", revision=base + 3)).records] == ["2"]
    assert revisions(await take(store.watch("pods/", after=base + 3), 2), base) == [4, 5]
    assert revisions((await store.range("pods/")).records, base) == [4, 5]


@on_a_store
async def test_compaction_cuts_what_came_before(store: Store) -> None:
    await store.put("pods/a", value())
    second = await store.put("pods/a", value())
    third = await store.put("pods/a", value())
    store.compact(second.revision)
    assert second.prev is None
    assert third.prev is second


def test_history_keeps_to_its_bounds_by_itself(open_store: Any) -> None:
    async def run() -> None:
        store = await open_store(Bounds(records=10))
        base = store.revision
        for n in range(50):
            await store.put("pods/a", value(n))
        assert store.oldest == base + 40
        await store.close()

    asyncio.run(run())


def test_a_watcher_that_falls_behind_ends_with_compacted(open_store: Any) -> None:
    async def run() -> None:
        store = await open_store(Bounds(watch_buffer=5))
        slow = store.watch("pods/", after=store.revision)
        first = await store.put("pods/a", value())
        assert await take(slow, 1) == [first]
        for n in range(7):
            await store.put(f"pods/{n}", value())
        for _ in range(2):
            with pytest.raises(Compacted):
                await anext(slow)
        await store.close()

    asyncio.run(run())


@on_a_store
async def test_a_cancelled_read_of_a_watch_loses_nothing(store: Store) -> None:
    watch = store.watch("pods/", after=store.revision)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(watch), 0.001)
    record = await store.put("pods/a", value())
    assert await take(watch, 1) == [record]


@on_a_store
async def test_a_closed_watch_stops(store: Store) -> None:
    watch = store.watch("pods/", after=store.revision)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    watch.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    await store.put("pods/a", value())
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


@on_a_store
async def test_closing_the_store_ends_watches_after_what_is_pending(store: Store) -> None:
    watch = store.watch("pods/", after=store.revision)
    record = await store.put("pods/a", value())
    await store.close()
    assert await take(watch, 1) == [record]
    with pytest.raises(StopAsyncIteration):
        await anext(watch)
    with pytest.raises(StoreFailed):
        await store.put("pods/a", value())


@on_a_store
async def test_the_first_object_of_a_table_is_told_once(store: Store) -> None:
    told: list[str] = []
    base = store.revision
    await store.put("nodes/n", value())
    when_first(store, "pods", lambda: told.append(f"pods at {store.revision - base}"))
    when_first(store, "nodes", lambda: told.append("nodes, at once"))
    assert told == ["nodes, at once"]
    for key in ("jobs.batch/a", "pods/a", "pods/b"):
        await store.put(key, value())
    await store.delete("pods/a", value())
    await store.put("pods/a", value())
    assert told == ["nodes, at once", "pods at 3"]


@on_a_store
async def test_the_next_write_of_a_table_is_told_once(store: Store) -> None:
    told: list[int] = []
    base = store.revision
    await store.put("pods/a", value())
    when_next(store, "pods", lambda: told.append(store.revision - base))
    await store.put("nodes/n", value())
    await store.delete("pods/a", value())
    await store.put("pods/a", value())
    assert told == [3]


@on_a_store
async def test_a_follower_hears_every_write_of_its_table_in_order_before_the_writer_is_answered(store: Store) -> None:
    heard: list[tuple[int, bool]] = []
    base = store.revision
    await store.put("pods/a", value())
    end = store.follow("pods", lambda record: heard.append((record.revision - base, record.deleted)))
    assert heard == []
    for key in ("pods/b", "nodes/n", "pods/c"):
        await store.put(key, value())
    await store.delete("pods/a")
    assert heard == [(2, False), (4, False), (5, True)]
    end()
    end()
    await store.put("pods/d", value())
    assert len(heard) == 3


@on_a_store
async def test_what_a_follower_sees_is_visible_to_all(store: Store) -> None:
    seen: list[bool] = []
    store.follow("pods", lambda record: seen.append(store.revision == record.revision and store.size("pods") == 1))
    await store.put("pods/a", value())
    assert seen == [True]


@on_a_store
async def test_a_follower_that_raises_holds_up_neither_writers_nor_other_followers(store: Store) -> None:
    heard: list[str] = []

    def broken(record: Record) -> None:
        raise RuntimeError("a bug of whoever asked to be told")

    store.follow("pods", broken)
    store.follow("pods", lambda record: heard.append(record.key))
    base = store.revision
    watch = store.watch("pods/", after=base)
    for key in ("pods/a", "pods/b"):
        await asyncio.wait_for(store.put(key, value()), 5)
    assert heard == ["pods/a", "pods/b"]
    assert revisions(await take(watch, 2), base) == [1, 2]
    assert store.revision == base + 2


@on_a_store
async def test_what_is_known_here_is_what_was_acknowledged_here(store: Store) -> None:
    record = await store.put("pods/a", value())
    assert store.known("pods/a") is record
    await store.settle()
    assert await store.reach(record.revision, 5)
    assert not await store.reach(record.revision + 1, 0.01)
    await store.delete("pods/a")
    assert store.known("pods/a") is None
