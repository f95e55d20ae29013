"""Damaged objects: a start names them, `wherry check` says what can be done, and does it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.store.support import keys, value
from wherry.cli.check import check
from wherry.store.database import Damaged
from wherry.store.protocol import Compacted, StoreError
from wherry.store.sqlite import FILE, SQLiteStore


async def fill(directory: Path) -> None:
    """pods/a has three versions, pods/b one, pods/c is as it should be."""
    store = await SQLiteStore.open(directory)
    for key, content in (("pods/a", "one"), ("pods/a", "two"), ("pods/b", "one"), ("pods/c", "one"), ("pods/a", "three")):
        await store.put(key, value(content))
    await store.close()


def flip(directory: Path, *revisions: int) -> None:
    """One letter of each value is another one, and the value is JSON still."""
    with sqlite3.connect(directory / FILE) as db:
        for revision in revisions:
            (whole,) = db.execute("SELECT value FROM history WHERE revision = ?", (revision,)).fetchone()
            db.execute("UPDATE history SET value = ? WHERE revision = ?", (whole.replace(b"content", b"cOntent"), revision))
    db.close()


def wherry(*arguments: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(check, arguments)
    return result.exit_code, result.output.splitlines()


def test_a_start_names_the_damaged_objects_and_what_helps(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    flip(tmp_path, 3, 5)
    said = rf"2 stored objects are damaged: pods/b \(revision 3\), pods/a \(revision 5\); see `wherry check --data-dir {tmp_path}`"
    with pytest.raises(Damaged, match=said):
        asyncio.run(SQLiteStore.open(tmp_path))


def test_what_is_damaged_is_listed_with_what_is_left_of_it(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    assert wherry("--data-dir", str(tmp_path)) == (0, [f"{tmp_path / FILE}: 3 objects, 0 of them damaged"])
    flip(tmp_path, 2, 3, 5)
    assert wherry("--data-dir", str(tmp_path)) == (1, [
        "pods/b (revision 3) is damaged; no earlier version is there",
        "pods/a (revision 5) is damaged; the version of revision 1 is whole",
        "1 older versions are damaged",
        f"{tmp_path / FILE}: 3 objects, 2 of them damaged",
        f"`wherry check --mend --data-dir {tmp_path}` mends what can be mended; copy the directory first",
    ])  # fmt: skip


def test_mending_puts_the_last_whole_version_back_and_keeps_the_damaged_bytes(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    flip(tmp_path, 2, 3, 5)
    status, lines = wherry("--mend", "--data-dir", str(tmp_path))
    assert (status, len(lines)) == (0, 3)
    assert b"cOntent" in (tmp_path / "damaged-5").read_bytes()
    assert (tmp_path / "damaged-5").stat().st_mode & 0o777 == 0o600
    assert wherry("--data-dir", str(tmp_path))[0] == 0

    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        found = (await store.range("pods/")).records
        assert keys(found) == ["pods/a", "pods/c"]
        assert found[0].object()["content"] == "one"
        assert (await store.put("pods/d", value())).revision == 6
        with pytest.raises(Compacted):  # who followed reads everything again
            store.watch("pods/", after=4)
        await store.close()

    asyncio.run(run())


def test_a_cluster_that_runs_is_not_checked(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        status, lines = await asyncio.to_thread(wherry, "--data-dir", str(tmp_path))
        assert status == 1
        assert "is in use by process" in lines[0]
        await store.close()

    asyncio.run(run())


def test_where_no_cluster_was_is_told(tmp_path: Path) -> None:
    assert wherry("--data-dir", str(tmp_path)) == (1, [f"Error: there is no {tmp_path / FILE}"])
    assert issubclass(Damaged, StoreError)
