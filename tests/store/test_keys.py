"""The ordered keys of a table against a sorted set, in numbers that cross every threshold; and lists of large tables."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from tests.store.support import value
from wherry.store.history import Bounds
from wherry.store.keys import MERGE_FROM, MOST_UNSORTED, Keys
from wherry.store.log import Log
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Encoded, Record, Store
from wherry.store.sqlite import SQLiteStore

MANY = 100_000


def record(key: str, revision: int, *, deleted: bool = False) -> Record:
    return Record(key, Encoded(b"{}"), revision, revision, deleted, None)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("most_unsorted", [1, MERGE_FROM, MOST_UNSORTED, MANY])
def test_keys_that_come_and_go_in_random_order_are_listed_in_order(seed: int, most_unsorted: int) -> None:
    random = Random(seed)
    names = [f"pods/default/{n:06}" for n in range(MANY if most_unsorted >= MERGE_FROM else 2000)]
    random.shuffle(names)
    keys, model = Keys(most_unsorted), set[str]()
    for name in names:
        keys.added(name)
        model.add(name)
        if random.random() < 0.2:
            gone = random.choice(names)
            if gone in model:
                keys.removed(gone)
                model.discard(gone)
        if random.random() < 0.0001:
            assert keys.ordered() == sorted(model)
    assert keys.ordered() == sorted(model)
    assert keys.count == len(model)


def test_a_key_that_goes_and_comes_again_before_anybody_reads_is_listed_once() -> None:
    keys = Keys()
    keys.added("a")
    assert keys.ordered() == ["a"]
    keys.removed("a")
    keys.added("a")
    assert keys.ordered() == ["a"]


def test_a_log_lists_every_key_it_holds_in_whatever_order_they_came() -> None:
    log, random = Log(Bounds(records=100, seconds=None), lambda: 0.0), Random(3)
    names = [f"pods/default/{n:06}" for n in range(MANY)]
    random.shuffle(names)
    for revision, name in enumerate(names, 1):
        log.append(record(name, revision))
    assert [r.key for r in log.range("pods/", 0, "", 0).records] == sorted(names)
    for revision, name in enumerate(names[: MANY // 2], MANY + 1):
        log.append(record(name, revision, deleted=True))
    assert [r.key for r in log.range("pods/", 0, "", 0).records] == sorted(names[MANY // 2 :])


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_table_that_grows_past_what_waits_for_a_reader_is_listed_whole_also_after_a_restart(kind: str, tmp_path: Path) -> None:
    names = [f"pods/default/{n:06}" for n in range(MOST_UNSORTED + 2)]

    async def run() -> None:
        store: Store = MemoryStore() if kind == "memory" else await SQLiteStore.open(tmp_path)
        await asyncio.gather(*(store.put(name, value()) for name in names))
        assert [r.key for r in (await store.range("pods/")).records] == names
        await store.close()
        if kind == "sqlite":
            store = await SQLiteStore.open(tmp_path)
            assert [r.key for r in (await store.range("pods/")).records] == names
            await store.close()

    asyncio.run(run())
