"""The SQLite file below the durable store: schema, loading, and the one transaction that writes a batch.

Called by `wherry.store.sqlite` only, and only from its one worker thread (but for opening). `history` holds every version kept, by
revision, with a checksum of its value; `live` says which version of each key is the newest, so that a start reads the live versions and
the recent history and nothing else. Deleting old history goes by `prev`: when revision N is forgotten, the version it superseded goes, and
N itself if it was a deletion. WAL with synchronous=FULL: a commit has reached the disk when it returns (https://sqlite.org/wal.html).
The files are their owner's alone from before SQLite opens them (it gives its -wal and -shm the mode of the database).
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from wherry.store.encryption.transformer import Sealed, refuse_encrypted
from wherry.store.protocol import Encoded, Record, StoreError
from wherry.store.stamp import restamped, stamped, unversioned

#: 1 had no checksums, and resourceVersions in the values
VERSION = 2

SCHEMA = """
CREATE TABLE history (
    revision INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    create_revision INTEGER NOT NULL,
    prev INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    value BLOB NOT NULL,
    sum INTEGER NOT NULL
);
CREATE TABLE live (key TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE compacted (revision INTEGER NOT NULL);
INSERT INTO compacted VALUES (0);
"""

COLUMNS = "h.key, h.value, h.revision, h.create_revision, h.deleted, h.prev, h.sum"
Row = tuple[str, bytes, int, int, int, int, int]
#: a record, and the bytes that are stored of it
Version = tuple[Record, bytes]


class Loaded(NamedTuple):
    """What a start needs; `compacted` is how far the file's history has been deleted, `oldest` how far back `history` goes."""

    live: list[Record]
    history: list[Record]
    revision: int
    oldest: int
    compacted: int


#: from a key and what is stored to the bytes of an object; raises Sealed
Opened = Callable[[str, bytes], bytes]


class Damaged(StoreError):
    """Stored objects are not what was written: `found` has the key and revision of each."""

    def __init__(self, path: Path, found: list[tuple[str, int]]) -> None:
        shown = ", ".join(f"{key} (revision {revision})" for key, revision in found[:5]) + (", ..." if len(found) > 5 else "")
        what = "a stored object is damaged" if len(found) == 1 else f"{len(found)} stored objects are damaged"
        super().__init__(f"{path}: {what}: {shown}; see `wherry check --data-dir {path.parent}`")
        self.found = found


def checksum(value: bytes) -> int:
    """CRC-32 (RFC 1952): it is to find what a disk or a memory did, not what a person did."""
    return zlib.crc32(value)


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file, and bring it to the present schema. Raises StoreError for one that a newer wherry wrote, or no database."""
    _make_private(path)
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
        if version == 1:
            _migrate(db)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error
    return db


def _make_private(path: Path) -> None:
    try:
        for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if each is path or each.exists():
                descriptor = os.open(each, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                os.fchmod(descriptor, 0o600)
                os.close(descriptor)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror or error}") from error


def _migrate(db: sqlite3.Connection) -> None:
    """From version 1: values lose their revision. All that can be checked is that one is JSON; else it gets a sum that no value has."""
    db.create_function("unversioned", 1, _without_revision, deterministic=True)
    db.create_function("checksum", 1, _checksum_of_json, deterministic=True)
    db.execute("BEGIN IMMEDIATE")
    db.execute("ALTER TABLE history ADD COLUMN sum INTEGER NOT NULL DEFAULT 0")
    db.execute("UPDATE history SET value = unversioned(value)")
    db.execute("UPDATE history SET sum = checksum(value)")
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")


def _without_revision(value: bytes) -> bytes:
    try:
        obj = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value
    is_object = isinstance(obj, dict) and isinstance(obj.get("metadata"), dict)
    return msgspec.json.encode(unversioned(obj)) if is_object else value


def _checksum_of_json(value: bytes) -> int:
    try:
        msgspec.json.decode(value)
    except msgspec.DecodeError:
        return -1
    return checksum(value)


def load(db: sqlite3.Connection, keep: int, path: Path, opened: Opened = refuse_encrypted) -> Loaded:
    """The live records, and the history of the newest `keep` revisions with what it superseded. Raises Damaged; StoreError for a live
    value that is encrypted and cannot be read.

    `path`: of the file, for what is said of it; `opened`: from a key and what is stored to the bytes of an object.
    """
    damaged: list[tuple[str, int]] = []
    sealed: dict[int, str] = {}
    compacted: int = db.execute("SELECT revision FROM compacted").fetchone()[0]
    newest: int = db.execute("SELECT coalesce(max(revision), 0) FROM history").fetchone()[0]
    revision = max(newest, compacted)
    oldest = max(compacted, revision - keep)
    known: dict[int, Record] = {}
    superseded = (f"SELECT {COLUMNS} FROM history h WHERE revision IN "
                  "(SELECT prev FROM history WHERE revision > ? AND prev BETWEEN 1 AND ?)")
    read = partial(_records, damaged=damaged, sealed=sealed, opened=opened)
    for record in read(db.execute(superseded, (oldest, oldest)), known):
        known[record.revision] = record
    history = []
    for record in read(db.execute(f"SELECT {COLUMNS} FROM history h WHERE revision > ? ORDER BY revision", (oldest,)), known):
        known[record.revision] = record
        history.append(record)
    live = [known[at] for (at,) in db.execute("SELECT revision FROM live WHERE revision > ?", (oldest,))]
    settled = f"SELECT {COLUMNS} FROM live l CROSS JOIN history h ON h.revision = l.revision WHERE l.revision <= ?"
    live.extend(read(db.execute(settled, (oldest,)), {}))
    if damaged:
        raise Damaged(path, sorted(damaged, key=lambda found: found[1]))
    if sealed:
        oldest, history = _without_sealed(live, history, oldest, sealed, path)
    return Loaded(live, history, revision, oldest, compacted)


def _without_sealed(live: list[Record], history: list[Record], oldest: int, sealed: dict[int, str],
                    path: Path) -> tuple[int, list[Record]]:
    """History that begins after what cannot be decrypted any more, once its key is gone. Raises StoreError when that is still live."""
    for record in live:
        if record.revision in sealed:
            raise StoreError(f"{path}: {record.key} (revision {record.revision}) cannot be read: {sealed[record.revision]}")
    for record in history:
        if record.revision in sealed or (record.prev is not None and record.prev.revision in sealed):
            oldest = record.revision
    for record in history:
        if record.revision <= oldest:
            record.prev = None
    return oldest, [record for record in history if record.revision > oldest]


def write(db: sqlite3.Connection, batch: list[Version], forget: range) -> None:
    """One commit: the batch, in order, and the deletion of the history of the revisions in `forget`; of neither, a page that is written.

    Raises sqlite3.Error, and has changed nothing then.
    """
    if db.in_transaction:
        db.execute("ROLLBACK")  # it failed too when the commit before did
    db.execute("BEGIN IMMEDIATE")
    try:
        if not batch and not forget:
            db.execute("INSERT INTO compacted VALUES (-1)")
            db.execute("DELETE FROM compacted WHERE revision = -1")
        db.executemany("INSERT INTO history (revision, key, create_revision, prev, deleted, value, sum) VALUES (?, ?, ?, ?, ?, ?, ?)",
                       [(r.revision, r.key, r.create_revision, r.prev.revision if r.prev else 0, r.deleted, stored, checksum(stored))
                        for r, stored in batch])
        last = {r.key: r for r, _ in batch}
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


def _records(rows: Iterable[Row], known: dict[int, Record], damaged: list[tuple[str, int]], sealed: dict[int, str],
             opened: Opened) -> Iterator[Record]:
    """Records from rows; `known` is asked for each `prev` as the rows come. Those that are not what was written are noted, and those that
    cannot be decrypted, with the reason.
    """
    for key, value, revision, create_revision, deleted, prev, total in rows:
        if checksum(value) != total:
            damaged.append((key, revision))
        before = known.get(prev)
        if deleted and not value and before is not None:
            sent = restamped(before.value, before.revision, revision)
        else:
            try:
                sent = stamped(opened(key, value), revision)
            except Sealed as error:
                sent, sealed[revision] = b"", str(error)
        yield Record(before.key if before else key, Encoded(sent), revision, create_revision, bool(deleted), before)

