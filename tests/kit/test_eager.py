"""What need not wait is done at once, what must wait is waited for, and nothing is lost."""

from __future__ import annotations

import asyncio

import pytest

from wherry.kit import eager
from wherry.kit.virtual import run_virtual


def test_results_and_errors_stand_in_order() -> None:
    async def at_once(n: int) -> int:
        return n

    async def later(n: int) -> int:
        await asyncio.sleep(10 - n)
        await asyncio.sleep(1)
        return n

    async def fails(n: int) -> int:
        raise ValueError(n)

    async def fails_later(n: int) -> int:
        await asyncio.sleep(1)
        raise KeyError(n)

    async def main() -> list[int | BaseException]:
        return await eager.gather([at_once(0), later(1), fails(2), later(3), fails_later(4), at_once(5)])

    results = run_virtual(main())
    assert [r if isinstance(r, int) else repr(r) for r in results] == [0, 1, "ValueError(2)", 3, "KeyError(4)", 5]


def test_what_does_not_wait_makes_no_task() -> None:
    async def at_once() -> asyncio.Task[None] | None:
        return asyncio.current_task()

    async def main() -> None:
        assert await eager.gather([at_once(), at_once()]) == [asyncio.current_task()] * 2

    run_virtual(main())


def test_a_future_may_be_awaited_in_the_middle() -> None:
    async def main() -> int | BaseException:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def waits() -> int:
            try:
                return await future + await asyncio.sleep(1, 5)
            finally:
                await asyncio.sleep(1)

        asyncio.get_running_loop().call_later(3, future.set_result, 2)
        return (await eager.gather([waits()]))[0]

    assert run_virtual(main()) == 7


def test_cancelling_the_caller_cancels_what_waits() -> None:
    ended = []

    async def waits() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(True)

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(eager.gather([waits(), waits()]))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())
    assert ended == [True, True]
