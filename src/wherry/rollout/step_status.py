"""Where a workload stands in its steps, as one typed value: for the command line, for `status --live`, for pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wherry.api.objects import Obj, annotations_of, name
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.spec import BadSteps, Step, parse
from wherry.rules.workloads.steps.state import Phase
from wherry.rules.workloads.steps.view import View, available


@dataclass(frozen=True, slots=True)
class StepsStatus:
    """`step`: from 1 on, of `steps` as they are written. `new`, `ready`: pods of the newest revision, `wanted`: of the workload.

    `share`: percent that this step allows the new pods. `since`, `until`: seconds since 1970; `until` of a pause that ends of itself.
    `why`: of an abort or an unclear check. `stable`: the revision that an abort goes back to, `newest`: the one that is rolled out,
    `aborted`: the one that was given up. `paused_by_owner`: nothing goes on, because `spec.paused` is set by hand.
    """

    object: str
    steps: tuple[str, ...]
    step: int
    phase: Phase
    share: int
    new: int
    ready: int
    wanted: int
    since: float
    until: float | None = None
    why: str = ""
    stable: str = ""
    newest: str = ""
    aborted: str = ""
    paused_by_owner: bool = False

    @property
    def is_over(self) -> bool:
        return self.phase in states.OVER

    @property
    def waits(self) -> bool:
        """For a person: to promote, retry or abort."""
        return self.phase == "inconclusive" or (self.phase == "paused" and self.until is None)

    @property
    def shown_step(self) -> str:
        return f"step {self.step} of {len(self.steps)} ({self.steps[self.step - 1]})"

    def __str__(self) -> str:
        if self.is_over:
            return f"{self.phase}{f': {self.why}' if self.why else ''}"
        return f"{self.shown_step}: {self.doing}"

    @property
    def doing(self) -> str:
        """`paused; 1 of 1 new pods ready, 10 wanted; waits for promote or abort`."""
        if self.phase == "aborting":
            return f"aborting; {self.ready} of {self.wanted} pods are back; {self.why}"
        told = f"{self.phase}; {self.ready} of {self.new} new pods ready, {self.wanted} wanted"
        if self.paused_by_owner:
            told += "; the Deployment is paused, resume it"
        return told + (f"; {self.why}" if self.why else "") + ("; waits for promote or abort" if self.waits else "")


def status_of(view: View, steps: Sequence[Step]) -> StepsStatus:
    """Also of a workload whose steps have not begun: then it is done with the release that runs."""
    found = states.read(view.workload) or states.State("", phase="done", step=len(steps) - 1)
    at = min(found.step, len(steps) - 1)
    reached = [step for step in steps[: at + 1] if step.kind in ("share", "preview")]
    pause = steps[at].seconds if found.phase == "paused" else None
    own = found.own.get("minReadySeconds") or 0
    return StepsStatus(
        f"{view.kind.lower()}s/{name(view.workload)}", tuple(map(str, steps)), at + 1, found.phase,
        0 if found.phase in ("aborting", "aborted") else reached[-1].percent or 100 if reached else 0,
        len(view.new_pods), available(view.new_pods, own, view.now)[0], view.wanted, found.since,
        found.since + pause if pause is not None else None, found.why, found.stable, name(view.newest) if view.newest is not None else "",
        found.aborted, view.is_paused and found.phase != "catching" and not found.is_over)


def shown_steps(workload: Obj, sources: Sequence[Obj], pods: Sequence[Obj], now: float) -> StepsStatus | None:
    """For boards and pages; None for a workload that has no steps. `now`: seconds since 1970."""
    if states.STEPS not in annotations_of(workload):
        return None
    return status_of(View(workload, sources, pods, now), read_steps(workload))


def read_steps(workload: Obj) -> tuple[Step, ...]:
    """For showing: steps that cannot be read (somebody is just writing them) are shown as none."""
    try:
        return parse(annotations_of(workload).get(states.STEPS) or "100%")
    except BadSteps:
        return parse("100%")
