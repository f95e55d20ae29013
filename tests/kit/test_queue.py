"""The work queue: each key once waiting, once in work, and never forgotten."""

from __future__ import annotations

import asyncio

import pytest

from wherry.kit.backoff import Backoff
from wherry.kit.clock import Clock
from wherry.kit.queue import QueueClosed, WorkQueue
from wherry.kit.virtual import run_virtual


def test_a_key_added_twice_is_got_once_in_order_of_first_addition() -> None:
    async def run() -> None:
        queue = WorkQueue[str](Clock())
        for key in "aba":
            queue.add(key)
        assert [await queue.get(), await queue.get(), len(queue)] == ["a", "b", 0]

    run_virtual(run())


def test_a_key_added_while_in_work_comes_again_after_done() -> None:
    async def run() -> None:
        queue = WorkQueue[str](Clock())
        queue.add("a")
        await queue.get()
        queue.add("a")
        queue.add("a")
        assert len(queue) == 0
        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert queue.idle

    run_virtual(run())


def test_a_key_added_for_later_comes_at_the_earliest_moment_asked_for() -> None:
    async def run() -> None:
        clock = Clock()
        queue = WorkQueue[str](clock)
        start = clock.now()
        for seconds in (30, 10, 20):
            queue.add_after("a", seconds)
        assert await queue.get() == "a"
        assert clock.now() - start == pytest.approx(10)
        queue.done("a")
        await clock.sleep(100)
        assert len(queue) == 0

    run_virtual(run())


def test_adding_after_no_time_is_adding_now() -> None:
    async def run() -> None:
        queue = WorkQueue[str](Clock())
        queue.add_after("a", 0)
        assert len(queue) == 1

    run_virtual(run())


def test_failures_double_the_wait_until_forgotten() -> None:
    async def run() -> None:
        queue = WorkQueue[str](Clock())
        assert [queue.add_failed("a") for _ in range(4)] == [0.005, 0.01, 0.02, 0.04]
        assert queue.failures("a") == 4
        queue.forget("a")
        assert queue.add_failed("a") == 0.005

    run_virtual(run())


def test_backoff_ends_at_its_cap_however_often_a_key_fails() -> None:
    backoff = Backoff[str]()
    waits = [backoff.next("a") for _ in range(2000)]
    assert waits[17:19] == [655.36, 1000.0]
    assert waits[-1] == 1000.0


def test_a_closed_queue_hands_out_what_is_ready_and_takes_nothing_more() -> None:
    async def run() -> None:
        queue = WorkQueue[str](Clock())
        queue.add("a")
        queue.add_after("b", 5)
        queue.close()
        queue.add("c")
        assert await queue.get() == "a"
        with pytest.raises(QueueClosed):
            await queue.get()

    run_virtual(run())


def test_closing_wakes_all_workers() -> None:
    async def run() -> None:
        queue = WorkQueue[str](Clock())
        workers = [asyncio.ensure_future(queue.get()) for _ in range(3)]
        await asyncio.sleep(0)
        queue.close()
        assert {type(r) for r in await asyncio.gather(*workers, return_exceptions=True)} == {QueueClosed}

    run_virtual(run())


def test_a_worker_cancelled_as_it_wakes_leaves_the_key_to_another() -> None:
    async def run() -> None:
        queue = WorkQueue[str](Clock())
        first, second = asyncio.ensure_future(queue.get()), asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        queue.add("a")
        first.cancel()
        assert await asyncio.wait_for(second, 1) == "a"
        assert first.cancelled()

    run_virtual(run())
