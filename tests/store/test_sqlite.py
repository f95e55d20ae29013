"""What only the SQLite store does: restarts, locks, versions of the schema, failing disks."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from pathlib import Path

import msgspec
import pytest

from tests.store.support import keys, revisions, take, value, versioned
from wherry.api.errors import StatusError
from wherry.store import database, sqlite
from wherry.store.database import VERSION, Damaged, checksum
from wherry.store.follow import when_first
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
            rows = ((n, f"pods/{n % 100}", n % 100 or 100, max(0, n - 100), 0, b"{}", checksum(b"{}")) for n in range(1, 1_000_001))
            db.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
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
    with pytest.raises(StoreError, match=rf"{FILE} has schema version 7, this wherry knows versions up to {VERSION}"):
        asyncio.run(SQLiteStore.open(tmp_path))
    assert (tmp_path / FILE).read_bytes() == before


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("a text that is long enough to be looked at as a header of a database" * 10)
    with pytest.raises(StoreError, match="not a database"):
        asyncio.run(SQLiteStore.open(tmp_path))


# --- a disk that is full ---
def fill(store: SQLiteStore, pages: int = 1) -> None:
    """SQLite finds no room for more than so many pages, as on a full disk."""
    store._db.execute(f"PRAGMA max_page_count = {pages}")


class Heard(logging.Handler):
    """What the store says in the log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.works_again = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "the store can be written again":
            self.works_again.set()


def modes(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}


def test_a_full_disk_fails_all_waiting_writes_and_reads_go_on(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        kept = await store.put("pods/kept", value())
        fill(store)
        writes = [asyncio.ensure_future(store.put(f"pods/{n}", value("x" * 9000))) for n in range(4)]
        await asyncio.sleep(0)
        assert await store.get("pods/0") is None  # waits for what becomes of the write, and is no error
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(r) for r in results} == {StoreFailed}
        with pytest.raises(StatusError, match="writing to the store failed: database or disk is full"):
            await store.put("pods/z", value("x" * 9000))
        assert "full" in store.failure
        assert keys((await store.range("pods/")).records) == ["pods/kept"]
        assert await store.get("pods/kept") is kept
        await store.close()
        store = await SQLiteStore.open(tmp_path, Bounds())
        assert keys((await store.range("pods/")).records) == ["pods/kept"]
        await store.close()

    asyncio.run(run())


def test_writing_goes_on_by_itself_when_there_is_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "RETRY_EVERY", 0.02)

    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        sqlite.log.addHandler(heard := Heard())
        acknowledged = [(await store.put(f"pods/a{n}", value())).revision for n in range(3)]
        watch = store.watch("pods/", after=0)
        for turn in range(3):
            fill(store)
            failed = await asyncio.gather(*(store.put(f"pods/f{n}", value("x" * 9000)) for n in range(5)), return_exceptions=True)
            assert {type(r) for r in failed} == {StoreFailed}
            assert store.failure
            fill(store, 1 << 20)
            await asyncio.wait_for(heard.works_again.wait(), 10)  # nobody writes meanwhile
            heard.works_again.clear()
            assert store.failure == ""
            written = await asyncio.gather(*(store.put(f"pods/b{turn}{n}", value("x" * 9000)) for n in range(5)))
            acknowledged += [r.revision for r in written]
        assert acknowledged == list(range(1, 19))
        assert revisions(await take(watch, 18)) == acknowledged
        await store.close()
        store = await SQLiteStore.open(tmp_path)
        assert sorted(revisions((await store.range("pods/")).records)) == acknowledged
        await store.close()
        sqlite.log.removeHandler(heard)

    asyncio.run(run())


def test_a_write_that_finds_room_ends_the_failure_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        fill(store)
        with pytest.raises(StoreFailed):
            await store.put("pods/a", value("x" * 9000))
        fill(store, 1 << 20)
        assert (await store.put("pods/a", value("x" * 9000), expect=0)).revision == 1
        assert store.failure == ""
        await store.close()
        with pytest.raises(StoreFailed, match="the store is closed"):
            await store.put("pods/a", value())

    asyncio.run(run())


def test_a_follower_that_raises_does_not_stop_later_writes(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)

        def boom() -> None:
            raise RuntimeError("a bug of whoever asked to be told")

        when_first(store, "pods", boom)
        for n in range(3):
            await asyncio.wait_for(store.put(f"pods/{n}", value()), 5)
        await store.close()

    asyncio.run(run())


# --- whose files they are ---
def test_the_files_are_their_owners_alone_also_where_they_were_not(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        await store.put("secrets/a/b", value())
        assert modes(tmp_path) == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600, "lock": 0o600}
        await store.close()

    before = os.umask(0)
    try:
        tmp_path.chmod(0o755)
        asyncio.run(run())
        for path in tmp_path.iterdir():
            path.chmod(0o644)
        (tmp_path / "lock").unlink()
        asyncio.run(run())
    finally:
        os.umask(before)


def test_a_directory_that_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match=rf"{tmp_path} may be written to by everybody \(mode 0777\), and it holds Secrets: chmod 700"):
        asyncio.run(SQLiteStore.open(tmp_path))
    assert list(tmp_path.iterdir()) == []


# --- version 1 of the schema ---
def test_a_file_of_version_one_is_brought_here(tmp_path: Path) -> None:
    _version_one(tmp_path / FILE, b'{"a":1}', b'{"a":2}')

    async def run() -> None:
        for _ in range(2):
            store = await SQLiteStore.open(tmp_path)
            assert [r.object() for r in (await store.range("pods/")).records] == [{"a": 2}]
            assert [r.object() for r in await take(store.watch("pods/", after=0), 2)] == [{"a": 1}, {"a": 2}]
            await store.close()

    asyncio.run(run())


def test_what_is_stored_does_not_hold_its_revision_and_a_deletion_no_value(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        written = [await store.put("pods/a", versioned("x")), await store.delete("pods/a"), await store.put("pods/b", versioned("y"))]
        await store.close()
        store = await SQLiteStore.open(tmp_path)
        assert [r.value for r in await take(store.watch("", after=0), 3)] == [r.value for r in written]
        await store.close()

    asyncio.run(run())
    with sqlite3.connect(tmp_path / FILE) as db:
        values = [each for (each,) in db.execute("SELECT value FROM history ORDER BY revision")]
    db.close()
    assert values == [versioned("x").value, b"", versioned("y").value]


def test_objects_of_version_one_lose_their_revision_in_the_file_and_keep_it_for_readers(tmp_path: Path) -> None:
    old = b'{"kind":"Pod","apiVersion":"v1","metadata":{"labels":{"resourceVersion":""},"name":"a","resourceVersion":"%d"},"spec":{}}'
    _version_one(tmp_path / FILE, old % 1, old % 2)

    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        (record,) = (await store.range("pods/")).records
        assert record.object() == msgspec.json.decode(old % 2)
        changed = await store.put("pods/a", versioned("new"), expect=2)
        assert changed.object()["metadata"]["resourceVersion"] == "3"
        await store.close()

    asyncio.run(run())


def test_a_damaged_file_of_version_one_is_named_too(tmp_path: Path) -> None:
    _version_one(tmp_path / FILE, b'{"a":1}', b'{"a"2}')
    with pytest.raises(Damaged, match=r"a stored object is damaged: pods/a \(revision 2\); see `wherry check --data-dir"):
        asyncio.run(SQLiteStore.open(tmp_path))


def _version_one(path: Path, *values: bytes) -> None:
    """The versions of one object, as a wherry before checksums left them."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE history (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, create_revision INTEGER NOT NULL, "
                   "prev INTEGER NOT NULL, deleted INTEGER NOT NULL, value BLOB NOT NULL)")
        db.execute("CREATE TABLE live (key TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID")
        db.execute("CREATE TABLE compacted (revision INTEGER NOT NULL)")
        db.execute("INSERT INTO compacted VALUES (0)")
        rows = [(n, "pods/a", 1, n - 1, 0, each) for n, each in enumerate(values, 1)]
        db.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.execute("INSERT INTO live VALUES ('pods/a', ?)", (len(values),))
        db.execute("PRAGMA user_version = 1")
    db.close()
