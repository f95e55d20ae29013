"""A guarded rollout: followed, judged, and undone when a condition fails.

Called by `rollout guard` (once, in a pipeline) and by the controller of annotated workloads. An undo goes to the last revision that was
fully available, or else to the one before; it leaves an event, a change-cause that says why, and the hash of the template it went back to,
so that no guard judges the guard's own undo. A rollout that went well is marked, which is how a later undo knows where to go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, annotations_of
from wherry.client.protocol import Client
from wherry.kit.fetch import Fetched, fetch
from wherry.rollout import last_healthy as healthy
from wherry.rollout.errors import RolloutError
from wherry.rollout.events import tell
from wherry.rollout.guard import RESTORED, Conditions, Judge, probe_trouble, query_trouble
from wherry.rollout.revisions import Revision, newest, read, revisions
from wherry.rollout.rollout import Rollout
from wherry.rollout.snapshot import Snapshot
from wherry.rollout.stuck_pods import find, remove
from wherry.rollout.targets import DEPLOYMENTS, STATEFUL_SETS, Named
from wherry.rollout.undone_cause import keep_cause
from wherry.rollout.watching import snapshots
from wherry.rules.workloads.template_hash import template_hash

MANAGER = "wherry-guard"
Fetch = Callable[[str], Awaitable[Fetched]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reason` "": the rollout went well. `undone_to`: the revision it was undone to, 0 when it was not; `trouble`: why not.

    `unanswered`: queries that never got an answer, so that nothing is known of them.
    """

    reason: str = ""
    undone_to: int = 0
    trouble: str = ""
    unanswered: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reason


class Guard:
    """One rollout under guard. `say` is told every snapshot; `now` gives seconds since 1970."""

    def __init__(self, client: Client, target: Named, namespace: str, conditions: Conditions, *,
                 say: Callable[[Snapshot], None] | None = None, fetch: Fetch = fetch, now: Callable[[], float] = time.time,
                 dry_run: bool = False) -> None:
        self._client = client
        self._target = target
        self._namespace = namespace
        self._asked = conditions
        self._say = say or (lambda snapshot: None)
        self._fetch = fetch
        self._now = now
        self._dry_run = dry_run
        self._judge = Judge(conditions)
        self._silent = {query.text for query in conditions.queries}

    async def run(self) -> Outcome:
        """Until the rollout is over (and has settled), or undone. Raises StatusError and RolloutError when it cannot be followed."""
        reason = await self._watch()
        if reason:
            return await self._undo(reason)
        if not self._dry_run:
            with suppress(StatusError, RolloutError):
                await self._mark()
        return Outcome(unanswered=tuple(query.text for query in self._asked.queries if query.text in self._silent))

    async def _watch(self) -> str:
        """Why the rollout must be undone; "" when it went well."""
        loop = asyncio.get_running_loop()
        look_at, settled_at = loop.time(), 0.0
        every = min(1.0, self._asked.interval)
        stream = snapshots(self._client, self._target, self._namespace, every=every, until_over=False, now=self._now)
        async with aclosing(stream) as steps:  # type: ignore[type-var]
            async for seen in steps:
                self._say(seen)
                if reason := self._judge.at_once(seen):
                    return reason
                if loop.time() >= look_at:
                    look_at = loop.time() + self._asked.interval
                    if reason := self._judge.at_interval(seen, await self._outside()):
                        return reason
                settled_at = (settled_at or loop.time() + self._asked.settle) if seen.done else 0.0
                if settled_at and loop.time() >= settled_at:
                    return self._silence()
        return ""

    def _silence(self) -> str:
        """Why a rollout that went well otherwise may not pass: an answer was required and none came."""
        return f"query {min(self._silent)}: was never answered" if self._silent and self._asked.require_answers else ""

    async def _outside(self) -> list[tuple[str, str]]:
        """What probes and queries say now."""
        probes = await asyncio.gather(*(self._fetch(url) for url in self._asked.probes))
        queries = await asyncio.gather(*(self._fetch(query.url) for query in self._asked.queries))
        found = [(f"probe {url}", probe_trouble(*answer)) for url, answer in zip(self._asked.probes, probes, strict=True)]
        for query, answer in zip(self._asked.queries, queries, strict=True):
            trouble = query_trouble(*answer)
            if trouble is not None:
                self._silent.discard(query.text)
                found.append((f"query {query.text}", trouble))
            elif self._asked.require_answers:
                found.append((f"query {query.text}", "gives no answer"))
        return found

    async def _undo(self, reason: str) -> Outcome:
        workload = await read(self._client, self._target, self._namespace)
        try:
            chosen, running = await self._choose(workload)
            if self._dry_run:
                return Outcome(reason, 0, f"it would be undone to revision {chosen.number}")
            rollout = Rollout(self._client, self._target, self._namespace, manager=MANAGER)
            cause = f"undone by guard, from revision {running} to {chosen.number}: {reason}"
            of_deployment = self._target.resource is DEPLOYMENTS
            await rollout.undo(chosen.number, cause=cause if of_deployment else "", notes={RESTORED: template_hash(chosen.template)})
            if self._target.resource is STATEFUL_SETS:
                name = chosen.source["metadata"]["name"]  # it would wait for the others for ever
                await remove(self._client, self._namespace, await find(self._client, self._namespace, workload, name))
        except (StatusError, RolloutError) as error:
            trouble = error.message if isinstance(error, StatusError) else str(error)
            await self._tell(workload, "GuardFailed", f"{reason}; not undone: {trouble}")
            return Outcome(reason, 0, trouble)
        with suppress(StatusError):
            await keep_cause(self._client, self._target, self._namespace, chosen.source["metadata"]["name"], cause, MANAGER)
        await self._tell(workload, "RolloutUndone", f"Undone from revision {running} to {chosen.number}: {reason}")
        return Outcome(reason, chosen.number)

    async def _choose(self, workload: Obj) -> tuple[Revision, int]:
        """Where to go back to, and the number of the revision that runs. Raises NothingToUndo."""
        found = await revisions(self._client, self._target, workload)
        current = newest(workload, [r.source for r in found])
        name = current["metadata"]["name"] if current is not None else ""
        running = next((r.number for r in found if r.source["metadata"]["name"] == name), found[-1].number if found else 0)
        with suppress(RolloutError):
            best = await healthy.find(self._client, self._target, self._namespace)
            if best.number != running:
                return best, running
        _, before = await Rollout(self._client, self._target, self._namespace).choose()
        return before, running

    async def _mark(self) -> None:
        """The running revision was fully available."""
        best = await healthy.find(self._client, self._target, self._namespace)
        if not healthy.is_marked(best.source):
            await healthy.mark(self._client, self._target, self._namespace, best, self._now())

    async def _tell(self, workload: Obj, reason: str, message: str) -> None:
        if not self._dry_run:
            await tell(self._client, workload, "Warning", reason, message, self._now(), MANAGER)


def is_restored(workload: Obj) -> bool:
    """Its present template is what a guard went back to."""
    mark = annotations_of(workload).get(RESTORED)
    return bool(mark) and mark == template_hash(workload["spec"]["template"])
