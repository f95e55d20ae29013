"""Virtual time: it jumps when nothing else can happen, and real input, output and commits still work."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from wherry.kit.clock import Clock
from wherry.kit.virtual import run_virtual


def test_an_hour_passes_at_once() -> None:
    async def run() -> float:
        clock = Clock()
        await clock.sleep(3600)
        return clock.now()

    start = time.perf_counter()
    assert run_virtual(run(), epoch=1_700_000_000) == 1_700_003_600
    assert time.perf_counter() - start < 1


def test_timers_run_in_order_of_their_time() -> None:
    async def run() -> list[tuple[str, float]]:
        clock, order = Clock(), list[tuple[str, float]]()

        async def note(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            order.append((name, clock.now()))

        await asyncio.gather(note("c", 30), note("a", 10), note("b", 20))
        return order

    assert run_virtual(run(), epoch=0) == [("a", 10), ("b", 20), ("c", 30)]


def test_sockets_work_and_a_timeout_does_not_pass_an_answer_that_is_there() -> None:
    async def run() -> bytes:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            answer = await asyncio.wait_for(reader.readline(), 30)
            writer.close()
            await writer.wait_closed()
        return answer

    assert run_virtual(run()) == b"hello\n"


def test_time_stands_still_while_a_job_runs_in_its_own_executor() -> None:
    async def run() -> float:
        clock = Clock()
        asyncio.get_running_loop().call_later(5, lambda: None)
        with ThreadPoolExecutor(1) as executor:
            await asyncio.get_running_loop().run_in_executor(executor, threading.Event().wait, 0.02)
        return clock.now()

    assert run_virtual(run(), epoch=0) == 0


def test_a_thread_may_wait_for_virtual_time() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()

        def client() -> None:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(60), loop).result(5)

        await asyncio.gather(asyncio.to_thread(client), asyncio.sleep(1000))
        return Clock().now()

    assert run_virtual(run(), epoch=0) == pytest.approx(1000, abs=61)


def test_with_nothing_scheduled_the_loop_waits_for_other_threads() -> None:
    async def run() -> str:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        threading.Timer(0.02, loop.call_soon_threadsafe, (future.set_result, "woken")).start()
        return await future

    assert run_virtual(run()) == "woken"
