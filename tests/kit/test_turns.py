"""Who works on and on lets others in between; on virtual time nobody waits outside, and there are no turns."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace

import pytest

from wherry.kit import eager, turns
from wherry.kit.turns import AT_ONCE, SLICE, somebody_asks, turn
from wherry.kit.virtual import run_virtual

PIECES = 200


@pytest.fixture(autouse=True)
def one_piece_is_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that each look moves on."""
    now = [0.0]

    def look() -> float:
        now[0] += 0.001
        return now[0]

    monkeypatch.setattr(turns, "time", SimpleNamespace(perf_counter=look))


async def work(hogs: int, *, asked: bool) -> int:
    """How often somebody else gets in while `hogs` work."""
    rounds = 0

    async def hog() -> None:
        for _ in range(PIECES):
            await turn()

    if asked:
        somebody_asks()
    tasks = [asyncio.create_task(hog()) for _ in range(hogs)]
    while not all(task.done() for task in tasks):
        rounds += 1
        if asked:
            somebody_asks()
        await asyncio.sleep(0)
    return rounds


def test_somebody_who_asks_gets_in_every_few_pieces() -> None:
    assert asyncio.run(work(1, asked=True)) >= PIECES * 0.001 / SLICE / 2


def test_of_many_only_a_few_work_between_two_looks() -> None:
    rounds = asyncio.run(work(50, asked=True))
    assert rounds >= 50 * PIECES / (AT_ONCE * PIECES)
    assert rounds >= 50 * PIECES * 0.001 / (SLICE + AT_ONCE * 0.001) / 2


def test_turns_are_long_when_nobody_asks() -> None:
    assert asyncio.run(work(1, asked=False)) < asyncio.run(work(1, asked=True)) / 2


def test_on_virtual_time_nobody_waits() -> None:
    assert run_virtual(work(50, asked=True)) == 1


def test_a_loop_that_is_gone_is_forgotten() -> None:
    before = len(turns._OF)
    for _ in range(5):
        asyncio.run(work(2, asked=True))
    gc.collect()
    assert len(turns._OF) <= before


def test_what_is_gathered_works_in_turns_and_keeps_its_order() -> None:
    done: list[int] = []

    async def piece(number: int) -> int:
        done.append(number)
        return number

    async def story() -> None:
        somebody_asks()
        assert await eager.gather([piece(n) for n in range(PIECES)]) == list(range(PIECES))

    asyncio.run(story())
    assert done == list(range(PIECES))
