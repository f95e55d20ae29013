"""The loop all controllers share: watch -> queue -> reconcile, each key by one worker at a time, errors with back-off.

A controller names what it watches and how an object there leads to keys of its own, and says in `reconcile` what to do about a key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wherry.api.errors import Conflict, StatusError
from wherry.api.objects import Obj, key
from wherry.api.resources import TABLE, Resource, ResourceTable
from wherry.client.informer import Informer, Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.kit.queue import QueueClosed, WorkQueue
from wherry.kit.turns import turn
from wherry.reconcile.apply import Applied, Applier
from wherry.rules.objects.plan import Action, Plan

log = logging.getLogger(__name__)

KeysOf = Callable[[Obj | None, Obj | None], Iterable[str]]


@dataclass(slots=True)
class Parts:
    """What every controller is given. `suffix` makes the random suffixes of what it creates; `table` has the resources there are."""

    client: Client
    informers: Informers
    clock: Clock
    suffix: Callable[[], str]
    table: ResourceTable = TABLE


def _own_key(old: Obj | None, new: Obj | None) -> Iterable[str]:
    return (key(new or old or {}),)


class Controller:
    """Subclass it: set `name`, call `watch` in `__init__`, write `reconcile`."""

    name = "controller"
    #: keys worked on at a time; more than one only pays when writes wait for a disk or a network
    workers = 8

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.clock = parts.clock
        self.queue: WorkQueue[str] = WorkQueue(parts.clock)
        #: what it reads and watches
        self.resources: set[Resource] = set()
        self.recorder = Recorder(parts.client, parts.clock, self.name)
        self._applier = Applier(parts.client, parts.informers, self.recorder, parts.table)

    def informer(self, resource: Resource) -> Informer:
        self.resources.add(resource)
        return self.parts.informers.of(resource)

    def watch(
        self,
        resource: Resource,
        keys_of: KeysOf | None = None,
        delay: Callable[[str], float] | None = None,
        at_once: Callable[[Obj | None, Obj | None], bool] | None = None,
    ) -> Informer:
        """Every change of the resource queues the keys that `keys_of(old, new)` gives (default: the object's own key).

        `delay`: seconds a key may wait, so that many changes at once are looked at once; not for changes that are `at_once`.
        """
        chosen = keys_of or _own_key

        def handler(old: Obj | None, new: Obj | None) -> None:
            for each in chosen(old, new):
                if delay is None or (at_once is not None and at_once(old, new)):
                    self.queue.add(each)
                else:
                    self.queue.add_after(each, delay(each))

        informer = self.informer(resource)
        informer.add_handler(handler, self.name)
        return informer

    async def reconcile(self, key: str) -> float | None:
        """Bring the world one step closer for this key; gives seconds after which to look again. May raise StatusError."""
        raise NotImplementedError

    async def apply(self, plan: Plan) -> Applied:
        return await self._applier.apply(plan)

    async def claim(self, claims: Sequence[Action]) -> None:
        """Adopt and release; the changed objects bring the key back. Raises StatusError, to be tried again.

        Also when an object is gone: it was nobody's, so the news of its end need not lead here.
        """
        if (error := (await self.apply(Plan(tuple(claims)))).error) is not None:
            raise error

    async def run(self) -> None:
        """Work until cancelled."""
        recorder = asyncio.create_task(self.recorder.run(), name=f"{self.name} events")
        workers = [asyncio.create_task(self._work(), name=f"{self.name} {i}") for i in range(self.workers)]
        try:
            await asyncio.gather(recorder, *workers)
        finally:
            for task in (recorder, *workers):
                task.cancel()
            await asyncio.gather(recorder, *workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                each = await self.queue.get()
            except QueueClosed:
                return
            try:
                await turn()
                again = await self.reconcile(each)
            except Conflict:
                # somebody else was quicker: what we read was old, the informer brings the new
                self.queue.add_failed(each)
            except (StatusError, OSError) as error:
                wait = self.queue.add_failed(each)
                log.log(_level(error), "%s: %s: %s (again in %.3g s)", self.name, each, error, wait)
            except Exception:
                wait = self.queue.add_failed(each)
                log.exception("%s: %s failed (again in %.3g s)", self.name, each, wait)
            else:
                self.queue.forget(each)
                if again is not None:
                    self.queue.add_after(each, again)
            finally:
                self.queue.done(each)


def _level(error: Exception) -> int:
    """What the API refuses (a quota that is full, an account that is missing) its users are told by events; it is no trouble of ours.

    A right that the controller itself lacks is.
    """
    users = isinstance(error, StatusError) and 400 <= error.code < 500 and 'forbidden: User "' not in error.message
    return logging.INFO if users else logging.WARNING
