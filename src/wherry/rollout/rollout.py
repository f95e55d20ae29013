"""`Rollout`: one workload's rollout, on any client.

The command line, guards and programs of others call it; each method is one request or a few, decided by the pure functions beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.api.options import WriteOptions
from wherry.client.follow import follow
from wherry.client.protocol import Client
from wherry.rollout import changes
from wherry.rollout.changes import Change
from wherry.rollout.errors import Deleted, RevisionNotFound
from wherry.rollout.progress import Progress, progress
from wherry.rollout.revisions import Revision, choose, read, revisions, typed
from wherry.rollout.targets import DEPLOYMENTS, Named, parse, require

#: who the API server is told changes the fields: as kubectl's subcommand
MANAGER = "kubectl-rollout"


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
                step = progress(typed(self._target.resource, version), revision)
                yield step
                if step.done:
                    return

    async def wait(self, timeout: float | None = None) -> Progress:
        """Until the rollout is done; raises as `status`, and TimeoutError."""
        async with asyncio.timeout(timeout), aclosing(self.status()) as steps:  # type: ignore[type-var]
            async for step in steps:
                last = step
        return last

    async def choose(self, to_revision: int = 0) -> tuple[Obj, Revision]:
        """The workload and the revision that an undo would bring back. Raises RevisionNotFound, NothingToUndo, Unsupported."""
        require(self._target.resource, "rollbacker", "rollbacker")
        if to_revision < 0:
            raise RevisionNotFound(f"unable to find specified revision {to_revision} in history")
        workload = await self.workload()
        return workload, choose(await revisions(self._client, self._target, workload), to_revision, self._target)

    async def undo(self, to_revision: int = 0, *, dry_run: bool = False, cause: str = "") -> Undone:
        """Back to a revision; 0: the one before the newest. `cause`: the change-cause to write instead of the revision's own."""
        workload, chosen = await self.choose(to_revision)
        change = changes.undo(workload, chosen, cause)
        if change is not None:
            await self._write(change, dry_run, manager="" if self._manager == MANAGER else self._manager)
        template = changes.without_hash(chosen.template) if self._target.resource is DEPLOYMENTS else chosen.template
        return Undone(chosen.number, template, change is not None)

    async def pause(self) -> Obj:
        return await self._write(changes.pause(await self.workload()))

    async def resume(self) -> Obj:
        return await self._write(changes.resume(await self.workload()))

    async def restart(self, *, cause: str = "") -> Obj:
        return await self._write(changes.restart(await self.workload(), timestamps.time(self._now()), cause))

    async def _write(self, change: Change, dry_run: bool = False, manager: str | None = None) -> Obj:
        options = WriteOptions(field_manager=self._manager if manager is None else manager, dry_run=dry_run)
        written = await self._client.patch(self._target.resource, self._namespace, self._target.name, change.patch, change.patch_type,
                                           options=options)
        return typed(self._target.resource, written)
