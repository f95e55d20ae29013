"""The SQLite file below the durable store: schema, loading, and the one transaction that writes a batch.

Called by `wherry.store.sqlite` only, and only from its one worker thread (but for opening). `history` holds every version kept, by
revision; `live` says which version of each key is the newest, so that a start reads the live versions and the recent history and
nothing else. Deleting old history goes by `prev`: when revision N is forgotten, the version it superseded goes, and N itself if it was
a deletion. WAL with synchronous=FULL: a commit has reached the disk when it returns (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from wherry.store.protocol import Encoded, Record, StoreError

VERSION = 1

SCHEMA = """
CREATE TABLE history (
    revision INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    create_revision INTEGER NOT NULL,
    prev INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    value BLOB NOT NULL
);
CREATE TABLE live (key TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE compacted (revision INTEGER NOT NULL);
INSERT INTO compacted VALUES (0);
"""

COLUMNS = "h.key, h.value, h.revision, h.create_revision, h.deleted, h.prev"
Row = tuple[str, bytes, int, int, int, int]


class Loaded(NamedTuple):
    """What a start needs; `compacted` is how far the file's history has been deleted, `oldest` how far back `history` goes."""

    live: list[Record]
    history: list[Record]
    revision: int
    oldest: int
    compacted: int


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file. Raises StoreError for one that a newer wherry wrote, or that is no database."""
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            db.close()
            raise StoreError(f"{path} has schema version {version}, this wherry knows versions up to {VERSION}: start a newer wherry")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if version == 0:
            db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error
    return db


def load(db: sqlite3.Connection, keep: int) -> Loaded:
    """The live records, and the history of the newest `keep` revisions with what it superseded."""
    compacted: int = db.execute("SELECT revision FROM compacted").fetchone()[0]
    newest: int = db.execute("SELECT coalesce(max(revision), 0) FROM history").fetchone()[0]
    revision = max(newest, compacted)
    oldest = max(compacted, revision - keep)
    known: dict[int, Record] = {}
    superseded = (f"SELECT {COLUMNS} FROM history h WHERE revision IN "
                  "(SELECT prev FROM history WHERE revision > ? AND prev BETWEEN 1 AND ?)")
    for record in _records(db.execute(superseded, (oldest, oldest)), known):
        known[record.revision] = record
    history = []
    for record in _records(db.execute(f"SELECT {COLUMNS} FROM history h WHERE revision > ? ORDER BY revision", (oldest,)), known):
        known[record.revision] = record
        history.append(record)
    live = [known[at] for (at,) in db.execute("SELECT revision FROM live WHERE revision > ?", (oldest,))]
    settled = f"SELECT {COLUMNS} FROM live l CROSS JOIN history h ON h.revision = l.revision WHERE l.revision <= ?"
    live.extend(_records(db.execute(settled, (oldest,)), {}))
    return Loaded(live, history, revision, oldest, compacted)


def write(db: sqlite3.Connection, batch: list[Record], forget: range) -> None:
    """One commit: the batch, in order, and the deletion of the history of the revisions in `forget`."""
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany("INSERT INTO history (revision, key, create_revision, prev, deleted, value) VALUES (?, ?, ?, ?, ?, ?)",
                       [(r.revision, r.key, r.create_revision, r.prev.revision if r.prev else 0, r.deleted, r.value) for r in batch])
        last = {r.key: r for r in batch}
        db.executemany("INSERT INTO live (key, revision) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET revision = excluded.revision",
                       [(r.key, r.revision) for r in last.values() if not r.deleted])
        db.executemany("DELETE FROM live WHERE key = ?", [(r.key,) for r in last.values() if r.deleted])
        if forget:
            _forget(db, forget)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _forget(db: sqlite3.Connection, revisions: range) -> None:
    bounds = (revisions.start, revisions.stop)
    db.execute("DELETE FROM history WHERE revision IN (SELECT prev FROM history WHERE revision >= ? AND revision < ? AND prev > 0)", bounds)
    db.execute("DELETE FROM history WHERE revision >= ? AND revision < ? AND deleted", bounds)
    db.execute("UPDATE compacted SET revision = ?", (revisions.stop - 1,))


def _records(rows: Iterable[Row], known: dict[int, Record]) -> Iterator[Record]:
    """Records from rows; `known` is asked for each `prev` as the rows come."""
    for key, value, revision, create_revision, deleted, prev in rows:
        before = known.get(prev)
        yield Record(before.key if before else key, Encoded(value), revision, create_revision, bool(deleted), before)
