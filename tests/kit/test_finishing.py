"""What is begun at an end is done, however often whoever does it is told to stop."""

from __future__ import annotations

import asyncio

import pytest

from wherry.kit.finishing import finish


def test_a_cancellation_waits_until_the_work_is_done() -> None:
    async def test() -> None:
        goes_on, said = asyncio.Event(), []

        async def work() -> None:
            said.append("begun")
            await goes_on.wait()
            said.append("done")

        async def caller() -> None:
            try:
                await finish(work())
            finally:
                said.append("caller")

        task = asyncio.create_task(caller())
        for _ in range(3):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert said == ["begun", "done", "caller"]

    asyncio.run(test())


def test_what_the_work_raises_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("no")

    async def nothing() -> None:
        await asyncio.sleep(0)

    async def test() -> None:
        with pytest.raises(ValueError, match="no"):
            await finish(fail())
        await finish(nothing())

    asyncio.run(test())
