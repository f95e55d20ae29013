"""Looks at the file of a store that does not run, and mends what can be mended: what `wherry check` does.

A stored object is damaged when its bytes are not those that were written (see `database.checksum`). Mending puts the newest whole version
that the history has in its place, or takes the object away when there is none, keeps the damaged bytes in a file, and forgets the history:
every client that followed reads everything again, so nobody keeps a state that the cluster does not have.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from wherry.kit.files import replace
from wherry.store.database import checksum, connect
from wherry.store.lock import DirectoryLock
from wherry.store.protocol import StoreError


class Damage(NamedTuple):
    """A live object that is damaged: its version, and that of the newest whole one before it (0: there is none)."""

    key: str
    revision: int
    before: int


class Report(NamedTuple):
    """`structure`: what SQLite finds wrong with the file itself; `history`: damaged versions that are not the newest of their object."""

    objects: int
    damaged: list[Damage]
    history: int
    structure: list[str]

    @property
    def is_whole(self) -> bool:
        return not (self.damaged or self.history or self.structure)


def examine(path: Path) -> Report:
    """Of the store's file. Raises StoreError when the directory is in use or the file cannot be opened."""
    with _Opened(path) as db:
        return _examine(db, path)


def mend(path: Path) -> list[Damage]:
    """Puts whole versions in the place of damaged ones; gives what was damaged. Raises StoreError, also where SQLite finds more wrong."""
    with _Opened(path) as db:
        report = _examine(db, path)
        if report.structure:
            raise StoreError(f"{path} is damaged beyond its objects ({report.structure[0]}): restore it from a copy")
        if not report.is_whole:
            for damage in report.damaged:
                _keep_aside(db, path, damage)
            _mend(db, report.damaged)
        return report.damaged


class _Opened:
    """The file, while nobody else has it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        if not self._path.exists():
            raise StoreError(f"there is no {self._path}")
        self._lock = DirectoryLock(self._path.parent)
        try:
            self._db = connect(self._path)
        except BaseException:
            self._lock.release()
            raise
        return self._db

    def __exit__(self, *exc: object) -> None:
        self._db.close()
        self._lock.release()


def _examine(db: sqlite3.Connection, path: Path) -> Report:
    try:
        structure = [text for (text,) in db.execute("PRAGMA integrity_check") if text != "ok"]
        live = {revision for (revision,) in db.execute("SELECT revision FROM live")}
        rows = db.execute("SELECT key, revision, value, sum FROM history ORDER BY revision")
        damaged = [(key, revision) for key, revision, value, total in rows if checksum(value) != total]
        found = [Damage(key, revision, _before(db, revision)) for key, revision in damaged if revision in live]
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    return Report(len(live), found, len(damaged) - len(found), structure)


def _before(db: sqlite3.Connection, revision: int) -> int:
    """The newest whole version that the version superseded, 0 when there is none."""
    while True:
        row = db.execute("SELECT prev FROM history WHERE revision = ?", (revision,)).fetchone()
        if row is None or not row[0]:
            return 0
        revision = row[0]
        found = db.execute("SELECT value, sum FROM history WHERE revision = ?", (revision,)).fetchone()
        if found is not None and checksum(found[0]) == found[1]:
            return revision


def _keep_aside(db: sqlite3.Connection, path: Path, damage: Damage) -> None:
    (value,) = db.execute("SELECT value FROM history WHERE revision = ?", (damage.revision,)).fetchone()
    replace(path.with_name(f"damaged-{damage.revision}"), value, 0o600)


def _mend(db: sqlite3.Connection, damaged: list[Damage]) -> None:
    db.execute("BEGIN IMMEDIATE")
    (newest,) = db.execute("SELECT max(revision) FROM history").fetchone()
    for damage in damaged:
        if damage.before:
            whole = db.execute("SELECT value, sum FROM history WHERE revision = ?", (damage.before,)).fetchone()
            db.execute("UPDATE history SET value = ?, sum = ? WHERE revision = ?", (*whole, damage.revision))
        else:
            db.execute("DELETE FROM live WHERE key = ?", (damage.key,))
    db.execute("DELETE FROM history WHERE revision NOT IN (SELECT revision FROM live)")
    db.execute("UPDATE compacted SET revision = ?", (newest,))
    db.execute("COMMIT")
