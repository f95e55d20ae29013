"""The same for code that is not asynchronous: every call waits, and returns what the asynchronous one gives.

    with Blocking(lambda: HttpClient(load_kubeconfig()), "deployment/web") as web:     # any cluster; or Blocking(cluster.client, ...)
        web.undo(); web.wait(timeout=60)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from wherry.client.protocol import Client
from wherry.client.sync import SyncClient
from wherry.rollout.progress import Progress
from wherry.rollout.revisions import Revision
from wherry.rollout.rollout import MANAGER, Rollout, Undone

if TYPE_CHECKING:
    from wherry.rollout.causes import Cause
    from wherry.rollout.guard import Conditions
    from wherry.rollout.guarding import Outcome
    from wherry.rollout.remembering import Memory
    from wherry.rollout.snapshot import Snapshot

T = TypeVar("T")


class Blocking:
    """`client`: a synchronous one (`with Cluster() as cluster: cluster.client`), or what makes one on the loop that will use it.

    `now` gives seconds since 1970, `manager` is who the API server is told changes the fields.
    """

    def __init__(self, client: SyncClient | Callable[[], Client], name: str, namespace: str = "default", *,
                 now: Callable[[], float] = time.time, manager: str = MANAGER) -> None:
        self._runner = asyncio.Runner()
        self._own: Client | None = None
        if isinstance(client, SyncClient):
            self._call: Any = client.call
            used = client.asynchronous
        else:
            self._call = self._runner.run
            used = self._own = self._runner.run(_made(client))
        self._rollout = Rollout(used, name, namespace, now=now, manager=manager)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        aclose = getattr(self._own, "aclose", None)
        if aclose is not None:
            self._runner.run(aclose())
        self._runner.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        result: T = self._call(work)
        return result

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
