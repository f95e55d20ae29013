"""Groups of tasks: started one by one, stopped together, no crash lost."""

from __future__ import annotations

import asyncio

import pytest

from wherry.kit.tasks import Tasks
from wherry.kit.virtual import run_virtual


async def crash(message: str) -> None:
    await asyncio.sleep(1)
    raise ValueError(message)


def test_tasks_stop_last_first() -> None:
    async def run() -> None:
        stopped: list[str] = []

        async def stay(name: str) -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                stopped.append(name)

        async with Tasks(lambda name, error: None) as tasks:
            for name in "abc":
                tasks.start(stay(name), name)
            await asyncio.sleep(1)
        assert stopped == ["c", "b", "a"]
        assert len(tasks) == 0

    run_virtual(run())


def test_a_crash_is_reported_when_it_happens_and_ends_the_wait() -> None:
    async def run() -> None:
        reported: list[tuple[str, str]] = []
        async with Tasks(lambda name, error: reported.append((name, str(error)))) as tasks:
            tasks.start(asyncio.sleep(1000), "steady")
            tasks.start(crash("broken"), "weak")
            with pytest.raises(ValueError, match="broken"):
                await tasks.wait()
        assert reported == [("weak", "broken")]

    run_virtual(run())


def test_a_crash_while_stopping_is_reported() -> None:
    async def run() -> None:
        async def stubborn() -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                raise ValueError("at the end")

        tasks = Tasks(lambda name, error: None)
        tasks.start(stubborn(), "stubborn")
        await asyncio.sleep(1)
        await tasks.stop()
        assert [name for name, _ in tasks.crashes] == ["stubborn"]

    run_virtual(run())


def test_waiting_ends_when_all_tasks_have_ended() -> None:
    async def run() -> None:
        tasks = Tasks(lambda name, error: None)
        tasks.start(asyncio.sleep(1), "a")
        tasks.start(asyncio.sleep(2), "b")
        await tasks.wait()

    run_virtual(run())
