"""`Steps`: the rollout of one workload in steps, on any client: begun, followed, and steered from wherever somebody is.

    steps = Steps(client, "deployment/web", "shop")
    await steps.begin("10%, pause 5m, 50%, check, 100%", images={"web": "shop/web:2"}, checks=["http=http://web/health"])
    outcome = await steps.run()

The command line, pages and programs of others call it. What is decided stands in `wherry.rules.workloads.steps`; each method here is one
look and one write, tried again when somebody else wrote in between.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from wherry.api.errors import Conflict
from wherry.api.objects import Obj, annotations_of
from wherry.client.protocol import Client
from wherry.kit.fetch import Fetched, fetch
from wherry.rollout.errors import Paused, RolloutError, Unchanged
from wherry.rollout.held_up import selector_of
from wherry.rollout.revisions import read, revisions
from wherry.rollout.step_driver import Driver, after, services, steps_of, tell_all
from wherry.rollout.step_release import Release, beginning
from wherry.rollout.step_status import StepsStatus, status_of
from wherry.rollout.step_writes import carry_out
from wherry.rollout.targets import PODS, Named, parse
from wherry.rules.workloads.steps import decide
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.decide import Decision
from wherry.rules.workloads.steps.spec import BadSteps, Step
from wherry.rules.workloads.steps.state import State
from wherry.rules.workloads.steps.view import View

#: how often a write is tried again after somebody else's
_TRIES = 8
_Decide = Callable[[View, tuple[Step, ...]], tuple[View, Decision]]


class Steps:
    """`name` as in kubectl: `deployment/web`. Methods raise StatusError, RolloutError, BadSteps and NoSteps. `now`: seconds since 1970."""

    def __init__(self, client: Client, name: str | Named, namespace: str = "default", *, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._target = parse(name) if isinstance(name, str) else name
        self._namespace = namespace
        self._now = now

    async def status(self) -> StepsStatus:
        view = await self._look()
        return status_of(view, steps_of(view.workload))

    async def run(self, *, commands: bool = True, say: Callable[[StepsStatus], None] | None = None,
                  fetch: Callable[[str], Awaitable[Fetched]] = fetch) -> StepsStatus:
        """Drive until done or aborted. `commands`: run the programs of checks. `say` is told every change. Raises BadSteps without any."""
        workload = await read(self._client, self._target, self._namespace)
        if states.STEPS not in annotations_of(workload) and not states.is_wanted(workload):
            raise BadSteps(f"no steps: give them with --steps, or with the annotation {states.STEPS}")
        return await Driver(self._client, self._target, self._namespace, commands=commands, now=self._now, say=say, fetch=fetch).run()

    async def begin(self, steps: str = "", *, images: Mapping[str, str] | None = None, template: Obj | None = None, to_revision: int = 0,
                    checks: Iterable[str] | None = None, notify: str | None = None, services: str | None = None) -> StepsStatus:
        """Writes steps and release in one write, so that no pod of it is made before its share is held.

        `images`: container -> image, `template`: a whole pod template, `to_revision`: an earlier one; without them what is written already
        and not rolled out is the release, and if there is none only the annotations are written. What is None stays as it stands on the
        object. `services`: `active=web preview=web-preview`.
        """
        lines = "\n".join(checks) if checks is not None else None
        asked = Release(steps, lines, notify, services, dict(images or {}), template, to_revision)
        return await self._steer(lambda view, _: beginning(self._target, view, asked))

    async def promote(self, *, full: bool = False) -> StepsStatus:
        """Ends the pause or the check that it is at; `full`: on to the last step. Raises Unchanged while pods are still on their way."""

        def decided(view: View, steps: tuple[Step, ...]) -> tuple[View, Decision]:
            found = _under_way(view)
            if not full and found.phase in ("moving", "catching", "finishing"):
                raise Unchanged(f"is on its way to {steps[found.step]}, and waits for nobody: skip the step, or promote --full")
            return view, decide.advance(view, steps, found, to_end=full)

        return await self._steer(decided)

    async def skip(self) -> StepsStatus:
        """On to the next step, whatever this one is."""

        def decided(view: View, steps: tuple[Step, ...]) -> tuple[View, Decision]:
            found = _under_way(view)
            if found.phase == "finishing":
                raise Unchanged("is at its last step: there is none to skip to")
            return view, decide.advance(view, steps, found)

        return await self._steer(decided)

    async def abort(self, why: str = "asked for") -> StepsStatus:
        """Back to the stable revision; where Services are led, they are led back first."""
        status = await self._steer(lambda view, _: (view, decide.abort(view, _under_way(view), why)))
        while await self._is_to_undo():
            status = await self._steer(lambda view, steps: (view, decide.decide(view, steps)))
        return status

    async def _is_to_undo(self) -> bool:
        found = states.read(await read(self._client, self._target, self._namespace))
        return found is not None and found.phase == "aborting" and bool(found.own)

    async def retry(self) -> StepsStatus:
        """The check again, or after an abort the release again from the first step."""

        def decided(view: View, steps: tuple[Step, ...]) -> tuple[View, Decision]:
            found = states.read(view.workload)
            if found is not None and found.phase in ("checking", "inconclusive"):
                return view, Decision(replace(found, phase="checking", since=view.now, why=""))
            if found is not None and found.phase in ("aborting", "aborted") and found.aborted:
                return beginning(self._target, view, Release(source=found.aborted))
            raise Unchanged("there is no check and no aborted release to retry")

        return await self._steer(decided)

    async def _look(self) -> View:
        workload = await read(self._client, self._target, self._namespace)
        sources = [revision.source for revision in await revisions(self._client, self._target, workload)]
        pods = (await self._client.list(PODS, self._namespace, label_selector=selector_of(workload))).items
        return View(workload, sources, pods, self._now(), await services(self._client, workload))

    async def _steer(self, decided: _Decide) -> StepsStatus:
        for left in range(_TRIES, -1, -1):
            seen = await self._look()
            view, decision = decided(seen, steps_of(seen.workload))
            steps = steps_of(view.workload)
            try:
                view = await self._pinned(view, steps, decision)
                written = await carry_out(self._client, self._target, view, decision, len(steps))
            except Conflict:
                if not left:
                    raise
                continue
            await after(self._client, self._target, view, decision)
            await tell_all(self._client, self._target, view, decision)
            return status_of(replace(view, workload={**view.workload, **(written or {})}), steps)
        raise AssertionError("no try left")

    async def _pinned(self, view: View, steps: tuple[Step, ...], decision: Decision) -> View:
        """Services lead to the pods that there are before others are made."""
        from wherry.rules.workloads.steps import blue_green

        view = replace(view, services=await services(self._client, view.workload))
        while decision.state is not None and not decision.undo:
            service = blue_green.next_write(view, steps, decision.state)
            if service is None:
                break
            await carry_out(self._client, self._target, view, Decision(service=service), len(steps))
            view = replace(view, services=await services(self._client, view.workload))
        return view


def _under_way(view: View) -> State:
    """Raises RolloutError when nothing is rolled out in steps, Paused when its owner paused it."""
    found = states.read(view.workload)
    if found is None or found.is_over or found.release != view.release:
        raise RolloutError("is not being rolled out in steps")
    if found.phase == "aborting":
        raise RolloutError(f"is being taken back already: {found.why}")
    if view.is_paused and found.phase != "catching":
        raise Paused("is paused: resume it first")
    return found
