"""A copy of a store in one file: a SQLite file like the embedded store's own, with the live objects and no history.

Written by `wherry backup` from a SQLite store, also while its cluster runs, or from what was read of etcd at one revision; read by
`wherry restore`. Beside the objects are files of the cluster (table `kept`). What is stored encrypted is encrypted in the copy. A copy is
read back, object by object, before it gets its name; one that a newer wherry wrote is refused. It works on the thread that calls.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from wherry.store.database import Opened, connect, load, write
from wherry.store.encryption.transformer import refuse_encrypted
from wherry.store.protocol import Record, StoreError

#: how much further a restored store counts, so that nobody who saw later revisions takes new ones for old
BUMP = 1_000_000
Seal = Callable[[str, bytes], bytes]


class Copy(NamedTuple):
    """`records`: the live ones, decrypted; `kept`: the files, as they were kept."""

    records: list[Record]
    revision: int
    kept: dict[str, bytes]


def of_sqlite(source: Path, target: Path, kept: Mapping[str, bytes], opened: Opened = refuse_encrypted) -> Copy:
    """Copies the store's file, whether a cluster runs on it or not, as it is at one moment. Raises StoreError."""
    if not source.exists():
        raise StoreError(f"there is no {source}")
    with _Made(target) as copy:
        _copy(source, copy)
        db = connect(copy)
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE compacted SET revision = max(revision, (SELECT coalesce(max(revision), 0) FROM history))")
            db.execute("DELETE FROM history WHERE revision NOT IN (SELECT revision FROM live)")
            db.execute("COMMIT")
            _keep(db, kept)
        finally:
            db.close()
        return read(copy, opened)


def of_records(records: Iterable[tuple[Record, bytes]], revision: int, target: Path, kept: Mapping[str, bytes],
               opened: Opened = refuse_encrypted) -> Copy:
    """Writes records, each with what is stored of it, at `revision`. Raises StoreError."""
    with _Made(target) as copy:
        db = connect(copy)
        try:
            write(db, sorted(records, key=lambda version: version[0].revision), range(0))
            db.execute("UPDATE compacted SET revision = ?", (revision,))
            _keep(db, kept)
        except sqlite3.IntegrityError as error:
            raise StoreError("two objects were written at one revision, which a copy cannot hold") from error
        finally:
            db.close()
        return read(copy, opened)


def read(path: Path, opened: Opened = refuse_encrypted) -> Copy:
    """Raises StoreError for what is no copy, of a newer wherry, damaged, or encrypted with keys that are not known."""
    if not path.exists():
        raise StoreError(f"there is no {path}")
    db = connect(path)
    try:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'kept'").fetchone():
            raise StoreError(f"{path} is no copy that `wherry backup` made")
        loaded = load(db, 0, path, opened)
        return Copy(loaded.live, loaded.revision, dict(db.execute("SELECT name, content FROM kept")))
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    finally:
        db.close()


def into_sqlite(copy: Path, target: Path) -> None:
    """Makes the copy, which was read before, the file of a store that has none; it counts on beyond what anybody can have seen."""
    if target.exists():
        raise StoreError(f"{target} is there already: a copy is restored into an empty directory")
    with _Made(target) as made:
        _copy(copy, made)
        db = connect(made)
        try:
            db.execute("DROP TABLE kept")
            db.execute("UPDATE compacted SET revision = revision + ?", (BUMP,))
        finally:
            db.close()


class _Made:
    """A file beside the target that becomes it when all went well; it is its owner's alone."""

    def __init__(self, target: Path) -> None:
        self._target, self._copy = target, target.with_name(f".{target.name}.{os.getpid()}")

    def __enter__(self) -> Path:
        return self._copy

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                db = sqlite3.connect(self._copy)
                db.execute("PRAGMA journal_mode = DELETE")  # one file, without others beside it
                db.close()
                self._copy.replace(self._target)
        finally:
            for end in ("", "-wal", "-shm", "-journal"):
                self._copy.with_name(self._copy.name + end).unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """As it is at one moment, also while somebody writes (https://sqlite.org/backup.html)."""
    try:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        there, here = sqlite3.connect(source), sqlite3.connect(target)
        try:
            there.backup(here)
        finally:
            there.close()
            here.close()
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be copied: {error}") from error
    except OSError as error:
        raise StoreError(f"{target.parent} cannot be written: {error.strerror or error}") from error


def _keep(db: sqlite3.Connection, kept: Mapping[str, bytes]) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, content BLOB NOT NULL)")
    db.executemany("INSERT OR REPLACE INTO kept (name, content) VALUES (?, ?)", list(kept.items()))
