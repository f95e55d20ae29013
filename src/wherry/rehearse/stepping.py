"""A rehearsal of steps: the driver that would drive them, on the private cluster; and what cannot be known before is assumed.

Called by `play` for a workload with `wherry.dev/rollout-steps`. Checks of pods are measured on the rehearsed ones. What asks the outside
(HTTP, Prometheus, programs) is taken to be good after the time that it takes, and a pause without an end is promoted at once: both are
said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from wherry.api.objects import Obj, annotations_of
from wherry.kit.fetch import Fetched
from wherry.rehearse.stage import Stage
from wherry.rehearse.world import World
from wherry.rollout import checks
from wherry.rollout.checks import Check
from wherry.rollout.measuring import Pods, measure
from wherry.rollout.step_driver import Driver, steps_of
from wherry.rollout.step_status import StepsStatus
from wherry.rollout.steps import Steps
from wherry.rules.workloads.steps import kinds
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.at_once import hold
from wherry.rules.workloads.steps.decide import Verdict
from wherry.rules.workloads.steps.spec import BadSteps

ASSUMED = ("checks that ask the outside are good", "a pause without an end is promoted at once")


def with_steps(kind: str, live: Obj, new: Obj, steps: str, now: float) -> Obj:
    """The new version of a workload with those steps (or its own), held at the first one. Raises BadSteps, NoSteps, BadCheck."""
    from wherry.rollout.step_release import sensible
    from wherry.rules.workloads.steps.view import View

    meta = dict(new["metadata"])
    if steps:
        meta["annotations"] = {**annotations_of(new), states.STEPS: steps}
    draft = {**new, "metadata": meta, "spec": dict(new["spec"])}
    if states.STEPS in annotations_of(draft):
        sensible(View({"kind": kind, **draft}, (), (), now))
        if states.read(live) is None:
            kinds.of(kind).own(draft)  # the owner's fields allow it
        hold(kind, live, draft, now)
    return draft


def longest_wait(workload: Obj) -> float:
    """Seconds in which nothing moves because of a pause or a check."""
    try:
        pauses = [step.seconds or 0.0 for step in steps_of(workload)]
        there = checks.parse(annotations_of(workload).get(states.CHECKS, ""))
    except (BadSteps, checks.BadCheck):
        return 0.0
    return max([0.0, *pauses, *(check.count * check.every for check in there)])


class Followed:
    """`said`: (seconds from the start, what the steps say), a line for each step and phase. `aborted`: why, "" while they are not."""

    def __init__(self, stage: Stage, world: World, now: Callable[[], float]) -> None:
        self._steps = Steps(stage.aclient, world.target, world.namespace, now=stage.own_clock.now)
        self._driver = Driver(stage.aclient, world.target, world.namespace, commands=True, now=stage.own_clock.now, say=self._say,
                              measure=assumed, post=_unheard)  # fmt: skip
        self._now = now
        self._last: tuple[int, str] = (0, "")
        self._promoting: asyncio.Task[StepsStatus] | None = None
        self.said: list[tuple[float, str]] = []
        self.aborted = ""

    async def run(self) -> None:
        status = await self._driver.run()
        self.aborted = status.why if status.phase == "aborted" else ""

    def _say(self, status: StepsStatus) -> None:
        if status.waits and (self._promoting is None or self._promoting.done()):
            self._promoting = asyncio.create_task(self._steps.promote())
        if (status.step, status.phase) != self._last:
            self._last = (status.step, status.phase)
            self.said.append((self._now(), str(status)))


async def assumed(found: Sequence[Check], pods: Callable[[], Pods], **unused: Any) -> Verdict:
    """Checks of pods as they are; the others are good when their time is over."""
    outside = [check.every * (check.count - 1) for check in found if check.kind != "pods"]
    verdict = await measure([check for check in found if check.kind == "pods"], pods)
    if verdict.result == "good":
        await asyncio.sleep(max(outside, default=0.0))
    return verdict


async def _unheard(url: str, value: Any) -> Fetched:
    return Fetched(200, "")
