"""`Rollout`: one workload's rollout, on any client.

The command line, guards and programs of others call it; each method is one request or a few, decided by the pure functions beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wherry.api import timestamps
from wherry.api.errors import Conflict
from wherry.api.objects import Obj
from wherry.api.options import WriteOptions
from wherry.client.follow import follow
from wherry.client.protocol import Client
from wherry.rollout import changes, emulation
from wherry.rollout.changes import Change
from wherry.rollout.deadline import is_stale
from wherry.rollout.errors import Deleted, Failed, Paused, RevisionNotFound
from wherry.rollout.progress import Progress, progress
from wherry.rollout.revisions import Revision, choose, newest, read, revisions, typed
from wherry.rollout.targets import DEPLOYMENTS, Named, parse, require

if TYPE_CHECKING:
    from wherry.rollout.causes import Cause
    from wherry.rollout.guard import Conditions
    from wherry.rollout.guarding import Outcome
    from wherry.rollout.remembering import Memory
    from wherry.rollout.snapshot import Snapshot

#: who the API server is told changes the fields: as kubectl's subcommand
MANAGER = "kubectl-rollout"
#: how often an emulated pause is tried again after somebody else's write
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Undone:
    """`changed` False: the workload had that template already, nothing was written. `template`: the revision's own."""

    revision: int
    template: Obj
    changed: bool


class Rollout:
    """`name` as in kubectl: `deployment/web`. Methods raise StatusError (the API's errors) and RolloutError.

    `now` gives seconds since 1970 (for the time of a restart). `known`: the object as the caller has just read it, used once.
    """

    def __init__(self, client: Client, name: str | Named, namespace: str = "default", *, now: Callable[[], float] = time.time,
                 manager: str = MANAGER, known: Obj | None = None) -> None:
        self._client = client
        self._target = parse(name) if isinstance(name, str) else name
        self._namespace = namespace
        self._now = now
        self._manager = manager
        self._known = known

    async def workload(self) -> Obj:
        """The object as it is now."""
        known, self._known = self._known, None
        return typed(self._target.resource, known) if known is not None else await read(self._client, self._target, self._namespace)

    async def history(self) -> list[Revision]:
        """All revisions, oldest first."""
        require(self._target.resource, "history", "history viewer")
        return await revisions(self._client, self._target, await self.workload())

    async def progress(self, revision: int = 0) -> Progress:
        """How far it is. Raises OtherRevision when another revision runs, Failed when the deadline has passed."""
        return progress(await self.workload(), revision)

    async def status(self, revision: int = 0) -> AsyncIterator[Progress]:
        """The progress at every version of the object, until it is done. Raises as `progress`, NotFound, and Deleted when it goes."""
        first = await self.workload()
        stream = follow(self._client, self._target.resource, self._namespace, self._target.name, first)
        async with aclosing(stream) as versions:  # type: ignore[type-var]
            async for version in versions:
                if version is None:
                    raise Deleted("object has been deleted")
                step = await self._step(typed(self._target.resource, version), revision)
                yield step
                if step.done:
                    return

    async def _step(self, workload: Obj, revision: int) -> Progress:
        """The progress, where the deadline of another rollout (one that was undone) does not count."""
        try:
            return progress(workload, revision)
        except Failed:
            sources = [r.source for r in await revisions(self._client, self._target, workload)]
            if is_stale(workload, ((newest(workload, sources) or {}).get("metadata") or {}).get("name", "")):
                return progress(workload, revision, heed=False)
            raise

    async def wait(self, timeout: float | None = None) -> Progress:
        """Until the rollout is done; raises as `status`, and TimeoutError."""
        async with asyncio.timeout(timeout), aclosing(self.status()) as steps:  # type: ignore[type-var]
            async for step in steps:
                last = step
        return last

    async def snapshots(self, *, until_over: bool = True) -> AsyncIterator[Snapshot]:
        """The rollout as it changes: revisions with their pods, deadline, causes, events. Ends with the rollout, or never."""
        from wherry.rollout.watching import snapshots

        stream = snapshots(self._client, self._target, self._namespace, until_over=until_over, now=self._now)
        async with aclosing(stream) as steps:  # type: ignore[type-var]
            async for step in steps:
                yield step

    async def causes(self) -> list[Cause]:
        """What holds it up, now."""
        from wherry.rollout.explain import why

        return await why(self._client, self._target, self._namespace, self._now())

    async def last_healthy(self) -> Revision:
        """The last revision that is known to have been fully available. Raises NothingToUndo."""
        from wherry.rollout.last_healthy import find

        return await find(self._client, self._target, self._namespace)

    async def remember(self) -> Memory:
        """Keep copies of the ConfigMaps and Secrets that the running revision refers to."""
        from wherry.rollout.remembering import remember

        return await remember(self._client, self._target, self._namespace)

    async def guard(self, conditions: Conditions | None = None, *, dry_run: bool = False) -> Outcome:
        """Follow the rollout to its end, and undo it when a condition fails (default: the progress deadline)."""
        from wherry.rollout.guard import Conditions
        from wherry.rollout.guarding import Guard

        asked = conditions or Conditions()
        return await Guard(self._client, self._target, self._namespace, asked, now=self._now, dry_run=dry_run).run()

    async def choose(self, to_revision: int = 0) -> tuple[Obj, Revision]:
        """The workload and the revision that an undo would bring back. Raises RevisionNotFound, NothingToUndo, Unsupported."""
        require(self._target.resource, "rollbacker", "rollbacker")
        if to_revision < 0:
            raise RevisionNotFound(f"unable to find specified revision {to_revision} in history")
        workload = await self.workload()
        return workload, choose(await revisions(self._client, self._target, workload), to_revision, self._target)

    async def undo(self, to_revision: int = 0, *, dry_run: bool = False, cause: str = "", notes: Mapping[str, str] | None = None) -> Undone:
        """Back to a revision; 0: the one before the newest. `cause`: the change-cause to write instead of the revision's own.

        `notes`: more annotations to write.
        """
        workload, chosen = await self.choose(to_revision)
        change = changes.undo(workload, chosen, cause, notes or {})
        if change is not None:
            await self._write(change, dry_run, manager="" if self._manager == MANAGER else self._manager)
        template = changes.without_hash(chosen.template) if self._target.resource is DEPLOYMENTS else chosen.template
        return Undone(chosen.number, template, change is not None)

    async def pause(self, *, emulate: bool = False) -> Obj:
        """`emulate`: StatefulSets and DaemonSets too, by their update strategy (see `emulation`)."""
        return await self._set_paused(changes.pause, emulation.pause, emulate)

    async def resume(self, *, emulate: bool = False) -> Obj:
        """`emulate`: what was paused by its update strategy gets that back."""
        if not emulate and emulation.is_paused(await self.workload()):
            raise Paused("is paused by --emulate: resume it with --emulate")
        return await self._set_paused(changes.resume, emulation.resume, emulate)

    async def _set_paused(self, plain: Callable[[Obj], Change], emulated: Callable[[Obj], Change], emulate: bool) -> Obj:
        """An emulation is written against the version it was made from; somebody's write in between means a new look."""
        for left in range(_TRIES, -1, -1):
            workload = await self.workload()
            if not emulate or workload["kind"] not in emulation.KINDS:
                return await self._write(plain(workload))
            try:
                return await self._write(emulated(workload))
            except Conflict:
                if not left:
                    raise
        raise AssertionError("no try left")

    async def restart(self, *, cause: str = "") -> Obj:
        """Raises Paused (by emulation too), Unsupported, Unchanged."""
        workload = await self.workload()
        if emulation.is_paused(workload):
            raise Paused(f"can't restart paused {self._target.resource.singular} (run rollout resume --emulate first)")
        return await self._write(changes.restart(workload, timestamps.time(self._now()), cause))

    async def _write(self, change: Change, dry_run: bool = False, manager: str | None = None) -> Obj:
        options = WriteOptions(field_manager=self._manager if manager is None else manager, dry_run=dry_run)
        written = await self._client.patch(self._target.resource, self._namespace, self._target.name, change.patch, change.patch_type,
                                           options=options)
        return typed(self._target.resource, written)
