"""Groups of tasks: started one by one, stopped together, no crash lost."""

from __future__ import annotations

import asyncio

import pytest

from wherry.kit.tasks import STEADY, GivenUp, Tasks
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


# --- supervision ---
def test_a_task_that_raises_is_started_again_at_once_and_later_each_time_after() -> None:
    async def run() -> None:
        loop, starts = asyncio.get_running_loop(), list[float]()

        async def fail() -> None:
            starts.append(loop.time())
            raise ValueError("no")

        async with Tasks(lambda name, error: None) as tasks:
            tasks.supervise(fail, "part")
            await asyncio.sleep(8)
            begun = starts[0]
            assert [at - begun for at in starts] == pytest.approx([0, 0, 0.25, 0.75, 1.75, 3.75, 7.75])

    run_virtual(run())


def test_after_two_failures_the_part_is_ill_and_after_steady_work_it_is_well() -> None:
    async def run() -> None:
        left = 2

        async def work() -> None:
            nonlocal left
            if left:
                left -= 1
                raise ValueError("no")
            await asyncio.sleep(1000)

        async with Tasks(lambda name, error: None) as tasks:
            tasks.supervise(work, "part")
            await asyncio.sleep(1)
            assert tasks.health.ill == {"part": "ValueError: no"}
            await asyncio.sleep(STEADY)
            assert tasks.health.ill == {}

    run_virtual(run())


def test_a_failure_now_and_then_is_never_illness() -> None:
    async def run() -> None:
        async def work() -> None:
            await asyncio.sleep(STEADY + 1)
            raise ValueError("no")

        async with Tasks(lambda name, error: None) as tasks:
            tasks.supervise(work, "part")
            for _ in range(30):
                await asyncio.sleep(STEADY)
                assert tasks.health.ill == {}
            assert not tasks.crashes

    run_virtual(run())


def test_after_ten_failures_in_a_row_it_is_given_up_with_its_cause() -> None:
    async def run() -> None:
        tries = 0

        async def fail() -> None:
            nonlocal tries
            tries += 1
            raise ValueError("no")

        async with Tasks(lambda name, error: None) as tasks:
            tasks.supervise(fail, "part")
            with pytest.raises(GivenUp, match=r"part failed 10 times in a row and is given up: ValueError\('no'\)") as given_up:
                await tasks.wait()
            assert isinstance(given_up.value.__cause__, ValueError)
            assert tries == 10

    run_virtual(run())


def test_a_drill_ends_a_task_as_if_it_had_raised_also_between_two_tries() -> None:
    async def run() -> None:
        begun = 0

        async def work() -> None:
            nonlocal begun
            begun += 1
            await asyncio.sleep(1000)

        async with Tasks(lambda name, error: None) as tasks:
            tasks.supervise(work, "part")
            for _ in range(3):
                await asyncio.sleep(0)
                tasks.strike("part", RuntimeError("drill"))
            await asyncio.sleep(5)
            assert begun == 3
            assert tasks.health.ill == {"part": "RuntimeError: drill"}
            with pytest.raises(KeyError):
                tasks.strike("another", RuntimeError("drill"))

    run_virtual(run())


def test_a_task_that_is_cancelled_is_not_started_again() -> None:
    async def run() -> None:
        async def work() -> None:
            await asyncio.sleep(1000)

        async with Tasks(lambda name, error: None) as tasks:
            task = tasks.supervise(work, "part")
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait([task])
            assert (len(tasks), tasks.crashes) == (0, [])

    run_virtual(run())
