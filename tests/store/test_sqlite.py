"""What only the SQLite store does: restarts, locks, versions of the schema, failing disks."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from pathlib import Path

import pytest

from tests.store.support import keys, revisions, take, value
from wherry.store import database
from wherry.store.history import Bounds
from wherry.store.protocol import Compacted, StoreError, StoreFailed
from wherry.store.sqlite import FILE, SQLiteStore


def test_a_restart_finds_live_records_and_history(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        for key in ("pods/b", "pods/a", "pods/b", "nodes/n"):
            await store.put(key, value())
        await store.delete("pods/a", value("last"))
        await store.close()
        store = await SQLiteStore.open(tmp_path)
        assert keys((await store.range("")).records) == ["nodes/n", "pods/b"]
        assert [r.deleted for r in await take(store.watch("pods/", after=2), 2)] == [False, True]
        assert revisions((await store.range("pods/", revision=2)).records) == [2, 1]
        record = await store.get("pods/b")
        assert record is not None
        assert (record.create_revision, record.prev and record.prev.revision) == (1, 1)
        await store.close()

    asyncio.run(run())


def test_revisions_go_on_after_a_restart_though_deletions_were_last_and_compacted(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        await store.put("pods/a", value())
        await store.delete("pods/a", value())
        store.compact(2)
        await store.close()
        store = await SQLiteStore.open(tmp_path)
        assert (store.revision, store.oldest) == (2, 2)
        assert (await store.put("pods/a", value())).revision == 3
        with pytest.raises(Compacted):
            store.watch("pods/", after=1)
        await store.close()

    asyncio.run(run())


def test_compacted_history_leaves_the_file(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        for n in range(1300):
            await store.put(f"pods/{n % 3}", value())
        await store.delete("pods/0", value())
        store.compact(store.revision)
        await store.close()

    asyncio.run(run())
    with sqlite3.connect(tmp_path / FILE) as db:
        assert db.execute("SELECT revision FROM history ORDER BY revision").fetchall() == [(1298,), (1299,)]
    db.close()


@pytest.mark.slow
def test_a_start_after_a_long_history_is_quick(tmp_path: Path) -> None:
    async def run() -> float:
        store = await SQLiteStore.open(tmp_path)
        await store.close()
        with sqlite3.connect(tmp_path / FILE) as db:
            rows = ((n, f"pods/{n % 100}", n % 100 or 100, max(0, n - 100), 0, b"{}") for n in range(1, 1_000_001))
            db.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", rows)
            db.executemany("INSERT INTO live VALUES (?, ?)", ((f"pods/{n % 100}", n) for n in range(999_901, 1_000_001)))
        db.close()
        start = time.perf_counter()
        store = await SQLiteStore.open(tmp_path)
        took = time.perf_counter() - start
        assert (store.revision, store.size("pods"), store.oldest) == (1_000_000, 100, 980_000)
        await store.close()
        return took

    assert asyncio.run(run()) < 2


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    """No test can take the power away; what SQLite promises for it hangs on these two words."""
    db = database.connect(tmp_path / FILE)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    db.close()


def test_reads_wait_for_the_commit_of_what_they_read(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        watch = store.watch("pods/", after=0)
        writing = asyncio.ensure_future(store.put("pods/a", value()))
        await asyncio.sleep(0)
        assert (await store.range("pods/")).records == []
        record = await store.get("pods/a")
        assert record is not None
        assert record.revision == store.revision == 1
        assert await take(watch, 1) == [await writing]
        await store.close()

    asyncio.run(run())


def test_the_directory_belongs_to_one_process(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        with pytest.raises(StoreError, match=f"{tmp_path} is in use by process {os.getpid()}"):
            await SQLiteStore.open(tmp_path)
        await store.close()
        await (await SQLiteStore.open(tmp_path)).close()

    asyncio.run(run())


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 7")
    db.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreError, match=rf"{FILE} has schema version 7, this wherry knows versions up to 1"):
        asyncio.run(SQLiteStore.open(tmp_path))
    assert (tmp_path / FILE).read_bytes() == before


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("a text that is long enough to be looked at as a header of a database" * 10)
    with pytest.raises(StoreError, match="not a database"):
        asyncio.run(SQLiteStore.open(tmp_path))


def test_a_full_disk_fails_all_waiting_writes_and_every_later_one(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        await store.put("pods/kept", value())
        store._db.execute("PRAGMA max_page_count = 1")
        results = await asyncio.gather(*(store.put(f"pods/{n}", value("x" * 9000)) for n in range(4)), return_exceptions=True)
        assert {type(r) for r in results} == {StoreFailed}
        with pytest.raises(StoreFailed, match="full"):
            await store.put("pods/z", value())
        assert keys((await store.range("pods/")).records) == ["pods/kept"]
        await store.close()
        store = await SQLiteStore.open(tmp_path, Bounds())
        assert keys((await store.range("pods/")).records) == ["pods/kept"]
        await store.close()

    asyncio.run(run())
