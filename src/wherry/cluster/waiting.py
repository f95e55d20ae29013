"""Waiting for an object to meet a condition, or a rollout to finish; by the cluster's clock, which moves meanwhile where it is virtual.

Called by the verbs of a cluster. On virtual time the clock goes on timer by timer until the condition is met; on real time it is
looked at again and again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.cluster import naming
from wherry.cluster.conditions import Condition, parse
from wherry.cluster.failures import Stuck, TimedOut, WaitFailed, explain
from wherry.kit.clock import NotReached
from wherry.kit.durations import Duration, seconds
from wherry.rollout.deadline import is_stale
from wherry.rollout.errors import Failed, RolloutError
from wherry.rollout.progress import Progress
from wherry.rollout.rollout import Rollout, Undone

if TYPE_CHECKING:
    from wherry.api.resources import Resource
    from wherry.client.protocol import Client
    from wherry.cluster.cluster import Cluster
    from wherry.rollout.revisions import Revision


T = TypeVar("T")


#: seconds that somebody may take to create what is waited for
_TO_BE_MADE = 10.0
#: so many names of objects that are there are told
_NAMED = 10


async def until(cluster: Cluster, look: Callable[[], Any], limit: Duration) -> Any:
    """What the coroutine function `look` gives once that is true. Raises NotReached."""
    return await cluster.own_clock.run_until(look, limit)


async def wait_for(cluster: Cluster, what: str, condition: Condition, namespace: str, timeout: Duration) -> Obj | None:
    """The object that meets the condition; None when it was to go. Raises TimedOut, ValueError."""
    met, client = parse(condition), cluster.aclient
    resource, name = naming.find(cluster.registry.table, what)
    if not name:
        raise ValueError(f'{what!r} names no object: write it as "KIND/NAME"')
    space = namespace if resource.namespaced else ""
    last: Obj | None = None

    async def look() -> Any:
        nonlocal last
        try:
            last = await client.get(resource, space, name)
        except NotFound:
            last = None
        return met(last)

    seconds(timeout)
    try:
        await until(cluster, look, timeout)
    except NotReached:
        said = condition if isinstance(condition, str) else getattr(condition, "__name__", "the condition")
        why = f"not met within {_shown(timeout)}" + ("" if last is not None else await _there(client, resource, space))
        raise await _with_moment(cluster, await explain(TimedOut, client, what, said, why, last, space)) from None
    return last


def _shown(timeout: Duration) -> str:
    return timeout if isinstance(timeout, str) else f"{seconds(timeout):g} s"


async def _there(client: Client, resource: Resource, space: str) -> str:
    """For an object that is not there: what is."""
    names = sorted(obj["metadata"]["name"] for obj in (await client.list(resource, space)).items)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"; {resource.plural} that are there: {', '.join(names[:_NAMED]) or 'none'}{more}"


async def _with_moment(cluster: Cluster, error: WaitFailed) -> WaitFailed:
    """The error, with what the cluster holds while it is raised."""
    from wherry.cluster import moments

    moments.keep(error, await moments.take(cluster))
    return error


class ClusterRollout:
    """`cluster.rollout("deployment/web")`: the rollout library on this cluster, to be awaited. `do` runs work on the cluster's loop."""

    def __init__(self, cluster: Cluster, do: Callable[[Coroutine[Any, Any, T]], Awaitable[T]], name: str, namespace: str) -> None:
        self._do: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]] = do
        self._work = _Work(cluster, name, namespace)

    async def finished(self, timeout: Duration = "15m") -> Progress:
        """Until the rollout is done. Raises Stuck when it has failed, TimedOut, NotFound."""
        done: Progress = await self._do(self._work.finished(timeout))
        return done

    async def progress(self) -> Progress:
        """How far it is."""
        found: Progress = await self._do(self._work.rollout.progress())
        return found

    async def history(self) -> list[Revision]:
        """All revisions, oldest first."""
        found: list[Revision] = await self._do(self._work.rollout.history())
        return found

    async def undo(self, to_revision: int = 0) -> Undone:
        """Back to a revision; 0: the one before."""
        undone: Undone = await self._do(self._work.rollout.undo(to_revision))
        return undone

    async def restart(self) -> Obj:
        written: Obj = await self._do(self._work.rollout.restart())
        return written

    async def pause(self) -> Obj:
        written: Obj = await self._do(self._work.rollout.pause())
        return written

    async def resume(self) -> Obj:
        written: Obj = await self._do(self._work.rollout.resume())
        return written


class SyncClusterRollout:
    """The same, each method waiting for its result."""

    def __init__(self, cluster: Cluster, name: str, namespace: str) -> None:
        self._call = cluster.call
        self._work = _Work(cluster, name, namespace)

    def finished(self, timeout: Duration = "15m") -> Progress:
        """Until the rollout is done. Raises Stuck when it has failed, TimedOut, NotFound."""
        __tracebackhide__ = True
        return self._call(self._work.finished(timeout))

    def progress(self) -> Progress:
        """How far it is."""
        return self._call(self._work.rollout.progress())

    def history(self) -> list[Revision]:
        """All revisions, oldest first."""
        return self._call(self._work.rollout.history())

    def undo(self, to_revision: int = 0) -> Undone:
        """Back to a revision; 0: the one before."""
        return self._call(self._work.rollout.undo(to_revision))

    def restart(self) -> Obj:
        return self._call(self._work.rollout.restart())

    def pause(self) -> Obj:
        return self._call(self._work.rollout.pause())

    def resume(self) -> Obj:
        return self._call(self._work.rollout.resume())


class _Work:
    """What both do on the cluster's loop."""

    def __init__(self, cluster: Cluster, name: str, namespace: str) -> None:
        self._cluster, self._name, self._namespace = cluster, name, namespace
        self.rollout = Rollout(cluster.aclient, name, namespace, now=cluster.own_clock.now)

    async def finished(self, timeout: Duration) -> Progress:
        began, there = self._cluster.own_clock.now(), False

        async def look() -> Progress | list[NotFound] | None:
            nonlocal there
            try:
                step = await self.rollout.progress()
                there = True
            except NotFound as error:
                # an object that was never there: a name with a slip in it, most likely
                return None if there or self._cluster.own_clock.now() - began < _TO_BE_MADE else [error]
            except Failed:
                if is_stale(await self.rollout.workload()):
                    return None  # the deadline struck the template before this one
                raise
            return step if step.done else None

        try:
            done: Progress | list[NotFound] = await until(self._cluster, look, timeout)
        except RolloutError as error:
            raise await self._failure(Stuck, f"failed: {error}") from None
        except NotReached:
            raise await self._failure(TimedOut, f"not finished within {_shown(timeout)}") from None
        if isinstance(done, list):
            raise done[0]
        return done

    async def _failure(self, kind: type[Stuck] | type[TimedOut], why: str) -> Exception:
        client = self._cluster.aclient
        obj = await self.rollout.workload()
        return await _with_moment(self._cluster, await explain(kind, client, self._name, "rollout", why, obj, self._namespace))
