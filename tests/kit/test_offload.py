"""Long computations beside the event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextvars import ContextVar

import pytest

from wherry.kit.offload import LONG, SWITCH_INTERVAL, computed, offload
from wherry.kit.virtual import run_virtual

WHO: ContextVar[str] = ContextVar("who")


def test_work_is_done_in_another_thread_with_the_callers_context() -> None:
    async def run() -> tuple[int, str]:
        WHO.set("caller")
        return await offload(lambda: (threading.get_ident(), WHO.get()))

    thread, who = asyncio.run(run())
    assert thread != threading.get_ident()
    assert who == "caller"


def test_what_work_raises_comes_to_the_caller() -> None:
    def work() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        asyncio.run(offload(work))


def test_the_loop_goes_on_while_work_computes() -> None:
    async def run() -> bool:
        computing, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def work() -> bool:
            loop.call_soon_threadsafe(computing.set)
            return go_on.wait(30)

        waiting = asyncio.ensure_future(offload(work))
        await computing.wait()
        go_on.set()
        return await waiting

    assert asyncio.run(run())


def test_threads_take_short_turns_while_somebody_computes_and_usual_ones_after() -> None:
    async def run() -> list[float]:
        return await asyncio.gather(*(offload(sys.getswitchinterval) for _ in range(3)))

    usual = sys.getswitchinterval()
    assert asyncio.run(run()) == [pytest.approx(SWITCH_INTERVAL)] * 3
    assert sys.getswitchinterval() == usual


@pytest.mark.parametrize(("size", "here"), [(LONG - 1, True), (LONG, False)])
def test_only_what_is_long_leaves_the_loop(size: int, *, here: bool) -> None:
    assert (asyncio.run(computed(size, threading.get_ident)) == threading.get_ident()) is here


def test_where_time_is_virtual_work_is_done_at_once() -> None:
    assert run_virtual(offload(threading.get_ident)) == threading.get_ident()
