"""Several stores on one etcd, as several servers have them, and an etcd that goes and comes back."""

from __future__ import annotations

import asyncio
import functools
import itertools
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.store.support import keys, take, value, versioned
from tests.worlds.etcd import EtcdServer
from wherry.kit.health import Health
from wherry.store.etcd.compactor import Compactor
from wherry.store.etcd.connection import Access
from wherry.store.etcd.store import EtcdStore, Settings
from wherry.store.history import Bounds
from wherry.store.protocol import Compacted, CompareFailed, Record, StoreError, StoreFailed

pytestmark = pytest.mark.etcd
_prefixes = map("/servers{}".format, itertools.count())
Test = Callable[..., Awaitable[None]]


@pytest.fixture(scope="module")
def etcd_server() -> Iterator[EtcdServer]:
    """One that these tests may end and start again."""
    with EtcdServer() as server:
        yield server


def on_stores(count: int) -> Callable[[Test], Callable[..., None]]:
    """Run the coroutine test with that many stores on one prefix, and before them the etcd-server."""

    def decorate(test: Test) -> Callable[..., None]:
        @functools.wraps(test)
        def wrapper(etcd_server: EtcdServer) -> None:
            async def run() -> None:
                prefix = next(_prefixes)
                async with AsyncExitStack() as stack:
                    await test(etcd_server, *[await stack.enter_async_context(opened(etcd_server, prefix)) for _ in range(count)])

            asyncio.run(run())

        del wrapper.__wrapped__
        return wrapper

    return decorate


@asynccontextmanager
async def opened(server: EtcdServer, prefix: str, health: Health | None = None, **settings: Any) -> AsyncIterator[EtcdStore]:
    store = await EtcdStore.open(Access((server.url,)), Settings(prefix, **settings), Bounds(), health=health)
    try:
        yield store
    finally:
        await store.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 (what it waits for has no event)
            await asyncio.sleep(0.005)


@on_stores(2)
async def test_what_one_server_has_acknowledged_the_other_reads_at_once(server: EtcdServer, one: EtcdStore, other: EtcdStore) -> None:
    for n in range(50):
        record = await one.put("pods/a", value(n))
        found = await other.get("pods/a")
        assert found is not None
        assert (found.revision, found.value) == (record.revision, record.value)
    await one.delete("pods/a")
    assert await other.get("pods/a") is None


@on_stores(2)
async def test_a_list_after_settling_has_all_that_was_acknowledged(server: EtcdServer, one: EtcdStore, other: EtcdStore) -> None:
    for n in range(30):
        await one.put(f"pods/{n:02}", value(n))
        await other.settle()
        assert len((await other.range("pods/")).records) == n + 1


@on_stores(2)
async def test_writes_of_others_in_the_same_etcd_hold_nobody_up(server: EtcdServer, one: EtcdStore, other: EtcdStore) -> None:
    async with opened(server, next(_prefixes)) as stranger:
        for n in range(10):
            await stranger.put(f"pods/{n}", value())
            record = await one.put("pods/a", value(n))
            await stranger.put(f"pods/{n}", value())
            async with asyncio.timeout(5):
                await asyncio.gather(*(other.settle() for _ in range(5)))
            assert other.known("pods/a").revision == record.revision  # type: ignore[union-attr]


@on_stores(3)
async def test_every_server_sees_the_same_versions_in_the_same_order(server: EtcdServer, *stores: EtcdStore) -> None:
    watches = [store.watch("pods/", after=store.revision) for store in stores]
    await asyncio.gather(*(store.put(f"pods/{n % 7}", value((at, n))) for at, store in enumerate(stores) for n in range(30)))
    seen = [[(r.revision, r.key, r.value) for r in await take(watch, 90)] for watch in watches]
    assert seen[0] == seen[1] == seen[2]
    assert [revision for revision, _, _ in seen[0]] == sorted({revision for revision, _, _ in seen[0]})


@on_stores(3)
async def test_of_servers_that_expect_the_same_revision_one_wins(server: EtcdServer, *stores: EtcdStore) -> None:
    current = await stores[0].put("pods/a", value("first"))
    for turn in range(20):
        results = await asyncio.gather(*(s.put("pods/a", value((turn, at)), expect=current.revision) for at, s in enumerate(stores)),
                                       return_exceptions=True)
        won = [r for r in results if isinstance(r, Record)]
        lost = [r for r in results if isinstance(r, CompareFailed)]
        assert (len(won), len(lost)) == (1, 2)
        assert {r.current.revision for r in lost if r.current} == {won[0].revision}
        current = won[0]


@on_stores(1)
async def test_etcdctl_shows_what_the_reference_would_have_written(server: EtcdServer, store: EtcdStore) -> None:
    pod = versioned("x", {"app": "a"})
    await store.put("deployments.apps/default/a", pod)
    key, _, stored = server.ctl("get", "--prefix", store._layout.prefix).strip().partition("\n")
    assert key == f"{store._layout.prefix}/deployments/default/a"
    assert stored == '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","labels":{"app":"a"}},"content":"x"}'


@on_stores(2)
async def test_while_etcd_is_gone_writes_fail_and_reads_go_on_and_it_ends_by_itself(
    server: EtcdServer, store: EtcdStore, other: EtcdStore
) -> None:
    await store.put("pods/a", value(1))
    watch = other.watch("pods/", after=other.revision)
    server.kill()
    try:
        with pytest.raises(StoreFailed, match="Unavailable"):
            await store.put("pods/a", value(2))
        with pytest.raises(StoreFailed):
            await store.get("pods/a")
        await until(lambda: bool(store.failure and other.failure))
        assert keys((await store.range("pods/")).records) == ["pods/a"]
    finally:
        server.start()
    await until(lambda: not (store.failure or other.failure))
    written = [await store.put("pods/a", value(3)), await store.delete("pods/a")]
    assert [(r.revision, r.deleted) for r in await take(watch, 2)] == [(r.revision, r.deleted) for r in written]


@on_stores(2)
async def test_who_was_cut_off_for_longer_than_history_lasts_reads_everything_again(
    server: EtcdServer, store: EtcdStore, other: EtcdStore
) -> None:
    for name in "abc":
        await store.put(f"pods/{name}", value(name))
    await other.settle()
    heard: list[tuple[str, bool]] = []
    other.follow("pods", lambda record: heard.append((record.key, record.deleted)))
    watch = other.watch("pods/", after=other.revision)
    other._feed.begun.clear()
    cut_off = other._connection.watch
    other._connection.watch = _no_server  # type: ignore[method-assign]
    other._feed.doubt()
    await until(lambda: bool(other.failure))
    await store.delete("pods/a")
    await store.put("pods/b", value("new"))
    last = await store.put("pods/d", value("d"))
    server.ctl("compact", str(last.revision))
    other._connection.watch = cut_off  # type: ignore[method-assign]
    await until(lambda: not other.failure)
    await other.settle()
    states = [[(r.key, r.value) for r in (await each.range("pods/")).records] for each in (store, other)]
    assert states[0] == states[1]
    assert sorted(heard) == [("pods/a", True), ("pods/b", False), ("pods/d", False)]
    with pytest.raises(Compacted):
        await anext(watch)
    after = await store.put("pods/e", value())
    assert (await other.get("pods/e")).revision == after.revision  # type: ignore[union-attr]


def _no_server() -> Any:
    import grpc

    from wherry.store.etcd.connection import EtcdError

    raise EtcdError(grpc.StatusCode.UNAVAILABLE, "cut off")


def test_events_go_by_themselves(etcd_server: EtcdServer) -> None:
    async def run() -> None:
        async with opened(etcd_server, next(_prefixes), lives={"events": 1}) as store:
            watch = store.watch("events/", after=store.revision)
            await store.put("events/a/1", value())
            await store.put("pods/a", value())
            written, gone = await take(watch, 2)
            assert (written.deleted, gone.deleted, store.known("events/a/1")) == (False, True, None)
            assert store.known("pods/a") is not None

    asyncio.run(run())


def test_of_several_servers_one_compacts(etcd_server: EtcdServer) -> None:
    async def run() -> None:
        prefix = next(_prefixes)
        async with opened(etcd_server, prefix, compact_every=0) as one, opened(etcd_server, prefix, compact_every=0) as other:
            compactors = [Compactor(each._connection, 300) for each in (one, other)]
            done = []
            for _ in range(4):
                await one.put("pods/a", value())
                done.append([await each.turn() for each in compactors])
            assert sum(1 for turn in done for revision in turn if revision) >= 2
            assert all(min(turn) == 0 for turn in done)
            assert max(max(turn) for turn in done) < one.revision

    asyncio.run(run())


@on_stores(1)
async def test_a_value_that_cannot_be_read_is_named_and_changes_nothing_else(server: EtcdServer, store: EtcdStore) -> None:
    health = Health()
    async with opened(server, store._layout.prefix, health) as other:
        await store.put("pods/a", value("good"))
        server.ctl("put", f"{store._layout.prefix}/pods/a", "no JSON")
        record = await store.put("pods/b", value())
        await until(lambda: other.revision >= record.revision)
        assert [f"{store._layout.prefix}/pods/a" in why for why in health.ill.values()] == [True]
        assert other.known("pods/a").object()["content"] == "good"  # type: ignore[union-attr]
    with pytest.raises(StoreError, match=f"{store._layout.prefix}/pods/a: it is not JSON"):
        await EtcdStore.open(Access((server.url,)), Settings(store._layout.prefix))


def test_an_etcd_that_is_not_there_is_named(tmp_path: object) -> None:
    with pytest.raises(StoreError, match=r"etcd at http://127.0.0.1:1 cannot be used"):
        asyncio.run(EtcdStore.open(Access(("http://127.0.0.1:1",))))


@pytest.mark.parametrize("url", ["127.0.0.1:2379", "http://", "ftp://a", "http://a/path"])
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="no URL of an etcd server"):
        asyncio.run(EtcdStore.open(Access((url,))))


def test_while_etcd_is_full_writes_fail_and_reads_go_on_and_it_ends_by_itself() -> None:
    async def story(server: EtcdServer) -> None:
        async with opened(server, "/registry") as store:
            async def fill() -> None:
                for n in range(200):
                    await store.put("pods/a", value("x" * 100_000 + str(n)))

            with pytest.raises(StoreFailed, match="etcdserver: mvcc: database space exceeded"):
                await fill()
            assert "database space exceeded" in store.failure
            assert keys((await store.range("pods/")).records) == ["pods/a"]
            assert await store.get("pods/a") is store.known("pods/a")
            server.ctl("compact", str(store.revision))
            server.ctl("defrag")
            server.ctl("alarm", "disarm")
            await until(lambda: not store.failure)
            await store.put("pods/b", value())

    with EtcdServer(flags=("--quota-backend-bytes", "4000000")) as server:
        asyncio.run(story(server))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_an_etcd_that_does_not_answer_is_noticed_without_a_word_from_it(etcd_server: EtcdServer) -> None:
    async def story() -> None:
        async with opened(etcd_server, next(_prefixes)) as store:
            await store.put("pods/a", value(1))
            etcd_server.signal(signal.SIGSTOP)
            try:
                with pytest.raises(StoreFailed, match="Deadline"):
                    await store.put("pods/a", value(2))
                await until(lambda: bool(store.failure))
            finally:
                etcd_server.signal(signal.SIGCONT)
            await until(lambda: not store.failure)
            assert (await store.put("pods/b", value())).revision == store.revision
            assert (await store.get("pods/a")).object()["content"] in ("1", "2")  # type: ignore[union-attr]

    asyncio.run(story())
