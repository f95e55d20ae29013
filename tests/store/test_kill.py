"""A process that writes is killed at random instants: every write it had acknowledged is there, in order."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.store.support import revisions
from wherry.store.history import Bounds
from wherry.store.sqlite import SQLiteStore

KILLS = 50
ROOT = Path(__file__).parents[2]
BOUNDS = Bounds(records=10**9, bytes=1 << 40, seconds=None)


def write_until_killed(directory: Path, chance: random.Random) -> dict[int, str]:
    """Start a writer, kill it some moment after its first writes; what it had acknowledged."""
    with subprocess.Popen([sys.executable, "-m", "tests.store.writer", str(directory)], cwd=ROOT, stdout=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(chance.random() * 0.05)
        child.kill()
        lines = (first + child.stdout.read()).split(b"\n")[:-1]
    return {int(revision): key.decode() for revision, _, key in (line.partition(b" ") for line in lines)}


async def check(directory: Path, acknowledged: dict[int, str]) -> None:
    store = await SQLiteStore.open(directory, BOUNDS)
    assert store.revision >= max(acknowledged)
    records = await anext(store.watch("", after=store.oldest))
    assert revisions(records) == list(range(store.oldest + 1, store.revision + 1))
    written = {r.revision: f"-{r.key}" if r.deleted else r.key for r in records}
    assert {n: written[n] for n in acknowledged if n > store.oldest} == {n: k for n, k in acknowledged.items() if n > store.oldest}
    live = {r.key for r in (await store.range("")).records}
    gone = {key[1:] for key in written.values() if key.startswith("-")}
    assert live == {key for key in written.values() if not key.startswith("-")} - gone
    await store.close()


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    chance = random.Random(1)
    acknowledged: dict[int, str] = {}
    for number in range(KILLS):
        acknowledged |= write_until_killed(tmp_path, chance)
        if number % 10 == 9:
            asyncio.run(check(tmp_path, acknowledged))
