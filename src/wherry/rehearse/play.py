"""Plays a rollout before it happens: a world, a change and what may go wrong, to a report. Ten minutes pass in a fraction of a second.

    world = await read(client, "deployment/web", "shop")
    report = rehearse(world, Change(images={"*": "web:2"}))

Called by the command line and by programs; `rehearse` blocks and needs a thread without a running loop, `rehearsed` is for async callers.
Invariant: nothing outside the private cluster is touched. With a seed and an epoch a play repeats.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

from wherry.api import timestamps
from wherry.api.objects import Obj, annotations_of, labels, name
from wherry.api.options import DEFAULT_WRITE
from wherry.kit.virtual import run_virtual
from wherry.rehearse import report as reports
from wherry.rehearse.cast import Cast
from wherry.rehearse.change import Change, Strategy, changed
from wherry.rehearse.faults import Faults
from wherry.rehearse.observer import Observer
from wherry.rehearse.report import Drain, Report
from wherry.rehearse.stage import STRICT, Stage
from wherry.rehearse.stepping import ASSUMED, Followed, longest_wait, with_steps
from wherry.rehearse.timings import Timings, complete, observed
from wherry.rehearse.world import RehearsalError, World
from wherry.rollout.errors import Paused, Unsupported
from wherry.rollout.revisions import HASH_LABEL, REVISION
from wherry.rollout.rollout import Rollout
from wherry.rollout.targets import CONTROLLER_REVISIONS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.state import STEPS

#: seconds without any change after which a rollout that is not done is given up: longer than pods of a dead node wait to be evicted
PATIENCE = 660.0
_FIRST_ROLLOUT = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which to play. `limit`: seconds of virtual time; `epoch`: when it begins, in seconds since 1970 (None: now)."""

    timings: Timings = field(default_factory=Timings)
    faults: Faults = field(default_factory=Faults)
    seed: int = 1
    limit: float = 6 * 3600.0
    epoch: float | None = None


_PLAIN, _AS_IT_IS, _CALM = Change(), Strategy(), Conditions()


def rehearse(world: World, change: Change = _PLAIN, strategy: Strategy = _AS_IT_IS, conditions: Conditions = _CALM) -> Report:
    """Raises RehearsalError, RolloutError, and StatusError when the change is one that the API refuses."""
    started = time.perf_counter()
    epoch = time.time() if conditions.epoch is None else conditions.epoch
    return run_virtual(_Play(world, change, strategy, conditions, epoch, started).run(), epoch=epoch)


async def rehearsed(world: World, change: Change = _PLAIN, strategy: Strategy = _AS_IT_IS, conditions: Conditions = _CALM) -> Report:
    """The same in a thread of its own."""
    return await asyncio.to_thread(rehearse, world, change, strategy, conditions)


class _Play:
    def __init__(self, world: World, change: Change, strategy: Strategy, conditions: Conditions, epoch: float, started: float) -> None:
        self._world, self._change, self._strategy, self._conditions = world, change, strategy, conditions
        self._epoch, self._started = epoch, started
        template = (world.wanted or change.manifest or world.workload)["spec"]["template"]
        self._timings = complete(conditions.timings, observed(world.own_pods), template)
        self._cast = Cast(world, self._timings, conditions.faults.pods, random.Random(conditions.seed))
        self._drains: list[Drain] = []
        self._followed: Followed | None = None
        self._driving: asyncio.Task[None] | None = None

    async def run(self) -> Report:
        faults, conditions = self._conditions.faults, self._conditions
        _check(self._change.manifest or self._world.wanted or self._world.workload)
        known = {name(node) for node in self._world.nodes}
        for fault in faults.nodes:
            if fault.node not in known:
                raise RehearsalError(f'there is no node "{fault.node}": there are {", ".join(sorted(known))}')
        stage = Stage(self._world, self._cast, self._timings, faults.missing_images, seed=conditions.seed, epoch=self._epoch)
        async with stage:
            self._stage = stage
            self._observer = Observer(self._world, stage.informers, stage.own_clock)
            self._observer.attach()
            # everything that follows from the world as it stands happens at once: then nothing is left to do
            await stage.own_clock.sleep(0.01)
            if self._world.made:
                await self._until_done(_FIRST_ROLLOUT)
                if self._observer.done_at is None:
                    raise RehearsalError("the workload of the manifests never gets rolled out: there is nothing to start from")
            return await self._rollout()

    async def _rollout(self) -> Report:
        observer = self._observer
        observer.start()
        self._cast.begin()
        await self._apply()
        faults = [asyncio.ensure_future(self._strike(f.what, f.node, f.at, f.back)) for f in self._conditions.faults.nodes]
        stopped = await self._until_done(self._conditions.limit)
        faults += [self._driving] if self._driving is not None else []
        for fault in faults:
            fault.cancel()
        for ended in await asyncio.gather(*faults, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        new = await self._new_revision()
        return self._report(new, "" if observer.done_at is not None else stopped)

    async def _apply(self) -> None:
        world, change, client = self._world, self._change, self._stage.aclient
        rollout = Rollout(client, world.target, world.namespace, now=self._stage.own_clock.now)
        now = timestamps.time(self._stage.own_clock.now())
        live = await rollout.workload()
        wanted = change if change.manifest is not None or world.wanted is None else Change(
            change.images, world.wanted, change.to_revision, change.steps)
        if wanted.to_revision is not None:
            await rollout.undo(wanted.to_revision)
            live = await rollout.workload()
        new = changed(world.target.resource, live, wanted, self._strategy, now)
        if wanted.to_revision is None:
            new = with_steps(world.target.resource.kind, live, new, wanted.steps, self._stage.own_clock.now())
        if new != live:
            await client.update(world.target.resource, new, options=STRICT if world.made or wanted.manifest is not None else DEFAULT_WRITE)
        if wanted.to_revision is None and STEPS in annotations_of(new):
            self._followed = Followed(self._stage, world, lambda: self._observer.now)
            self._driving = asyncio.create_task(self._followed.run())

    async def _until_done(self, limit: float) -> str:
        """Wait for the rollout's end; why it was given up otherwise."""
        observer, began = self._observer, self._stage.own_clock.now()
        quiet_since, last = began, None
        while observer.done_at is None:
            if observer.error is not None:
                raise observer.error
            if self._driving is not None and self._driving.done():
                self._driving.result()
                if self._followed is not None and self._followed.aborted:
                    return f"aborted: {self._followed.aborted}"
            now = self._stage.own_clock.now()
            state = observer.counts[-1][1:] if observer.counts else observer.last_step
            if state != last:
                quiet_since, last = now, state
            if now - began >= limit:
                return f"given up after {limit:g} s"
            patience = self._patience()
            if now - quiet_since >= patience:
                return f"nothing moved any more for {patience:g} s"
            observer.changed.clear()
            until = min(began + limit, quiet_since + patience)
            try:
                async with asyncio.timeout(until - now):
                    await observer.changed.wait()
            except TimeoutError:
                continue
        return ""

    def _patience(self) -> float:
        """Longer than anything that is still to come: the deadline, the slowest pod, what faults bring."""
        faults = self._conditions.faults
        slow = [2 * self._timings.longest, *(f.seconds for f in faults.pods), *(max(f.at, f.back or 0.0) for f in faults.nodes)]
        workload = self._observer.workload
        state = states.read(workload)
        spec = workload["spec"] if state is None or state.is_over or not state.own else state.own
        return max(PATIENCE, (spec.get("progressDeadlineSeconds") or 0) + 60.0, max(slow) + 60.0, longest_wait(workload) + 60.0)

    # --- faults ---
    async def _strike(self, what: str, node: str, at: float, back: float | None) -> None:
        clock, agent = self._stage.own_clock, self._stage.agent
        await clock.sleep(at)
        if what == "drained":
            from wherry.rehearse.drain import drain

            await drain(self._stage, node, at, self._observer, self._drains)
            return
        agent.fail(node)
        if back is not None:
            await clock.sleep(max(back - at, 0.0))
            agent.recover(node)

    # --- the end ---
    async def _new_revision(self) -> str:
        """The hash of what was rolled out."""
        world, client = self._world, self._stage.aclient
        workload = self._observer.workload
        if world.target.resource is STATEFUL_SETS:
            return str((workload.get("status") or {}).get("updateRevision", "")).removeprefix(f"{world.target.name}-")
        of_deployment = world.target.resource is DEPLOYMENTS
        listing = await client.list(REPLICA_SETS if of_deployment else CONTROLLER_REVISIONS, world.namespace)
        mine = [
            o for o in listing.items if any(r.get("uid") == workload["metadata"]["uid"] for r in o["metadata"].get("ownerReferences") or ())
        ]
        newest = max(mine, key=_number, default=None)
        return labels(newest).get(HASH_LABEL if of_deployment else "controller-revision-hash", "") if newest else ""

    def _report(self, new: str, stopped: str) -> Report:
        observer, world = self._observer, self._world
        duration = observer.done_at
        end = reports.end_of(duration, observer.counts[-1].at, observer.deadline_at)
        timeline = reports.moments([c for c in observer.counts if c.at <= end], new)
        lowest = min(timeline, key=lambda m: m.available)
        most = max(timeline, key=lambda m: m.pods)
        step = observer.last_step
        return Report(
            f"{world.target.resource.singular}/{world.target.name}",
            self._told(),
            self._strategy.text,
            step.wanted if step else 0,
            duration,
            stopped,
            lowest.available,
            lowest.at,
            most.pods,
            most.at,
            observer.workload["spec"].get("progressDeadlineSeconds"),
            observer.deadline_at,
            reports.longest_wait(observer.progressed, end),
            tuple(span for span in observer.unplaced.values() if span.until is None or span.until > span.since),
            tuple((at, what) for what, at in observer.refused.items()),
            reports.budgets(observer, end),
            tuple(self._drains),
            tuple(self._cast.struck.items()),
            self._conditions.faults.texts,
            (*self._timings.sources, *(ASSUMED if self._followed is not None else ())),
            (*world.notes,),
            timeline,
            time.perf_counter() - self._started,
            tuple(self._followed.said) if self._followed is not None else (),
        )

    def _told(self) -> str:
        manifest = self._change.manifest or self._world.wanted
        return Change(self._change.images, manifest, self._change.to_revision).text


def _check(workload: Obj) -> None:
    """Raises Paused, Unsupported for a workload that changes nothing by itself."""
    if workload["spec"].get("paused"):
        raise Paused("the deployment is paused: nothing would be rolled out before it is resumed")
    if (workload["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        raise Unsupported("its pods are replaced when somebody deletes them (OnDelete): there is nothing to play")


def _number(revision: Obj) -> int:
    return int(revision.get("revision") or annotations_of(revision).get(REVISION) or 0)
