"""Coroutines that run at once as far as they can, and become tasks only if they have to wait.

A write to a store in memory never waits; making a task for each of a thousand of them costs more than some of the writes. Python 3.12 has
eager tasks; this does the same for the one use there is, many calls whose results are awaited together. What runs at once runs in the
caller's task, in its turns.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator, Iterable, Sequence
from typing import Any, TypeVar

from wherry.kit.turns import turn

T = TypeVar("T")


async def gather(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T | BaseException]:
    """The results in order; an exception stands in the place of the result (CancelledError ends all)."""
    results: list[Any] = [None] * len(coroutines)
    waiting: dict[int, asyncio.Task[T]] = {}
    for i, coroutine in enumerate(coroutines):
        try:
            await turn()
            awaited = coroutine.send(None)
        except StopIteration as done:
            results[i] = done.value
        except Exception as error:
            results[i] = error
        except BaseException:
            _give_up(waiting.values(), coroutines[i:])
            raise
        else:
            waiting[i] = asyncio.get_running_loop().create_task(_rest(coroutine, awaited))
    if waiting:
        for i, result in zip(waiting, await asyncio.gather(*waiting.values(), return_exceptions=True), strict=True):
            results[i] = result
    return results


def _give_up(waiting: Iterable[asyncio.Task[Any]], not_started: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """The caller is being ended: so are those that wait, and those that never began are closed."""
    for task in waiting:
        task.cancel()
    for coroutine in not_started:
        coroutine.close()


async def _rest(coroutine: Coroutine[Any, Any, T], awaited: Any) -> T:
    return await _resumed(coroutine, awaited)


@types.coroutine
def _resumed(coroutine: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine that has been started and now waits for `awaited`."""
    while True:
        try:
            sent = yield awaited
        except BaseException as error:
            step = coroutine.throw
            argument: Any = error
        else:
            step, argument = coroutine.send, sent  # type: ignore[assignment]
        try:
            awaited = step(argument)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
