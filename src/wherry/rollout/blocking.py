"""The same for code that is not asynchronous: every call runs on a loop of its own, and returns what the asynchronous one gives.

    with Blocking(lambda: HttpClient(load()), "deployment/web") as web:
        web.undo(); web.wait(timeout=60)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from wherry.client.protocol import Client
from wherry.rollout.progress import Progress
from wherry.rollout.revisions import Revision
from wherry.rollout.rollout import Rollout, Undone

if TYPE_CHECKING:
    from wherry.rollout.causes import Cause
    from wherry.rollout.guard import Conditions
    from wherry.rollout.guarding import Outcome
    from wherry.rollout.remembering import Memory
    from wherry.rollout.snapshot import Snapshot

T = TypeVar("T")


class Blocking:
    """`connect` makes the client, on the loop that will use it. Options as for `Rollout`."""

    def __init__(self, connect: Callable[[], Client], name: str, namespace: str = "default", **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = self._runner.run(_made(connect))
        self._rollout = Rollout(self._client, name, namespace, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        aclose = getattr(self._client, "aclose", None)
        if aclose is not None:
            self._runner.run(aclose())
        self._runner.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def history(self) -> list[Revision]:
        return self._run(self._rollout.history())

    def progress(self, revision: int = 0) -> Progress:
        return self._run(self._rollout.progress(revision))

    def status(self, revision: int = 0) -> Iterator[Progress]:
        return self._each(self._rollout.status(revision))

    def _each(self, stream: AsyncIterator[T]) -> Iterator[T]:
        try:
            while True:
                try:
                    yield self._run(anext(stream))  # type: ignore[arg-type]
                except StopAsyncIteration:
                    return
        finally:
            self._run(stream.aclose())  # type: ignore[attr-defined]

    def wait(self, timeout: float | None = None) -> Progress:
        return self._run(self._rollout.wait(timeout))

    def undo(self, to_revision: int = 0, *, dry_run: bool = False, cause: str = "") -> Undone:
        return self._run(self._rollout.undo(to_revision, dry_run=dry_run, cause=cause))

    def snapshots(self, *, until_over: bool = True) -> Iterator[Snapshot]:
        return self._each(self._rollout.snapshots(until_over=until_over))

    def causes(self) -> list[Cause]:
        return self._run(self._rollout.causes())

    def last_healthy(self) -> Revision:
        return self._run(self._rollout.last_healthy())

    def remember(self) -> Memory:
        return self._run(self._rollout.remember())

    def guard(self, conditions: Conditions | None = None, *, dry_run: bool = False) -> Outcome:
        return self._run(self._rollout.guard(conditions, dry_run=dry_run))

    def pause(self, *, emulate: bool = False) -> None:
        self._run(self._rollout.pause(emulate=emulate))

    def resume(self, *, emulate: bool = False) -> None:
        self._run(self._rollout.resume(emulate=emulate))

    def restart(self, *, cause: str = "") -> None:
        self._run(self._rollout.restart(cause=cause))


async def _made(connect: Callable[[], Client]) -> Client:
    return connect()
