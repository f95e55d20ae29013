"""What a driver of steps does next: one decision from one look, the same whoever drives.

Called by `wherry.rollout.step_driver` again and again. A decision is one write, or says what to wait for. The state changes
only in one write together with the fields that make it true, so the next driver finds either the step before or the step after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wherry.api.objects import Obj, condition, name
from wherry.rules.workloads.steps import blue_green, kinds
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.deployment import is_held
from wherry.rules.workloads.steps.move import Move
from wherry.rules.workloads.steps.spec import Step
from wherry.rules.workloads.steps.state import Phase, State
from wherry.rules.workloads.steps.view import View, available, last_change, ready_since

#: seconds for a step's pods to become ready, of kinds that have no deadline of their own
DEADLINE = 600
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checks found. `result`: good, bad or unclear."""

    result: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """For an event and a webhook."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`state` with `fields`, in one write; `undo`: with the template of `state.stable` besides. Or `move`, or `service`: its selector.

    `ask`: the step whose checks are to be measured. `at`: when to look again though nothing changes. `over`: nothing is left to do.
    """

    state: State | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    undo: bool = False
    move: Move | None = None
    service: Obj | None = None
    ask: Step | None = None
    at: float | None = None
    over: bool = False
    told: Told | None = None


WAIT = Decision()


def decide(view: View, steps: Sequence[Step], verdict: Verdict | None = None) -> Decision:
    """`verdict`: on the checks of the present step, when there is one. Raises NoSteps."""
    found = states.read(view.workload)
    if found is None or found.release != view.release or _was_put_back(view, found):
        return _of_another_template(view, steps, found)
    if not found.is_over and (not found.stable or (found.phase not in ("aborting", "finishing") and _is_back(view, found))):
        return _of_another_template(view, steps, found)
    if (service := blue_green.next_write(view, steps, found)) is not None:
        return Decision(service=service)
    if found.is_over:
        return Decision(over=True)
    if view.is_paused and found.phase != "catching":
        return WAIT  # by its owner
    found = replace(found, step=min(found.step, len(steps) - 1))
    match found.phase:
        case "catching":
            return _catch(view, steps, found)
        case "moving":
            return _move(view, steps, found)
        case "finishing":
            return _finish(view, steps, found)
        case "aborting":
            return _return(view, found)
    return _hold(view, steps, found) or (_check(view, steps, found, verdict) if found.phase == "checking" else _pause(view, steps, found))


# --- a template that the state does not know ---
def _was_put_back(view: View, found: State) -> bool:
    """kubectl's undo of a Deployment brings the annotations of that time with it, but not the fields of the spec."""
    return found.is_over and view.kind == "Deployment" and is_held(view.workload)


def _of_another_template(view: View, steps: Sequence[Step], found: State | None) -> Decision:
    under_way = found if found is not None and not found.is_over else _remembered(view)
    if under_way is None:
        return begin(view, steps)
    if view.kind != "Deployment" and view.newest is None:
        return WAIT
    if _is_back(view, under_way):
        why = under_way.why or "the template was changed back"
        state = State(view.release, under_way.stable, under_way.step, "aborting", view.now, why, _given_up(view, under_way))
        return Decision(state, _restored(under_way), told=Told("Normal", "RolloutStepsReturned", f"Goes back: {why}"))
    return begin(view, steps, under_way)


def _remembered(view: View) -> State | None:
    """The state that a held Deployment lost, as its ReplicaSets have it."""
    if view.kind != "Deployment" or not is_held(view.workload):
        return None
    kept = [state for source in view.sources if (state := states.read(source)) is not None and state.own]
    return max(kept, key=lambda state: state.since, default=None)


def _is_back(view: View, under_way: State) -> bool:
    return view.newest is not None and name(view.newest) == under_way.stable


def _given_up(view: View, under_way: State) -> str:
    """The revision of the release that was under way."""
    others = [source for source in view.sources if name(source) != under_way.stable]
    newest = max(others, key=lambda s: (str(s["metadata"].get("creationTimestamp") or ""), s.get("revision", 0)), default=None)
    return name(newest) if newest is not None else ""


def begin(view: View, steps: Sequence[Step], under_way: State | None = None) -> Decision:
    """A release that is there: it is held at the first step, or is over when nothing of another revision runs."""
    if view.kind != "Deployment" and view.newest is None:
        return WAIT
    before = under_way.stable if under_way is not None else ""
    if not before or before not in {name(source) for source in view.sources}:
        stable = kinds.stable(view)
        before = name(stable) if stable is not None else ""
    kind = kinds.of(view.kind)
    kinds.supports(view.kind, tuple(steps))
    blue_green.require(view.workload, steps)
    if not before or not view.wanted:
        return Decision(State(view.release, before, len(steps) - 1, "done", view.now),
                        _restored(under_way) if under_way is not None else _NOTHING)
    own = dict(under_way.own) if under_way is not None and under_way.own else kind.own(view.workload)
    target = view.wanted if steps[0].kind == "preview" else kinds.target(view, steps[0])
    early = steps[0].kind != "preview" and kind.surplus(view, target) > 0
    move = kind.catch(view, own, target) if early else kinds.held(view, own, steps[0])
    unpaused = {"paused": None} if under_way is not None and under_way.phase == "catching" and not early else {}
    state = State(view.release, before, 0, "catching" if early else "moving", view.now, own=own)
    if (service := blue_green.next_write(view, steps, state)) is not None:
        return Decision(service=service)  # before there are new pods
    said = f"Goes in {len(steps)} steps: {', '.join(map(str, steps))}"
    return Decision(state, {**move.fields, **unpaused}, told=Told("Normal", "RolloutStepsBegun", said))


# --- phases ---
def _catch(view: View, steps: Sequence[Step], found: State) -> Decision:
    move: Move = kinds.of(view.kind).catch(view, found.own, kinds.target(view, steps[found.step]))
    if not move.arrived:
        return _moving(found, move)
    fields = {"paused": None} if view.is_paused else {}
    return Decision(replace(found, phase="moving", since=view.now), fields)


def _moving(found: State, move: Move) -> Decision:
    if move.fields:
        return Decision(found, move.fields)
    return Decision(move=move if move.deletes or move.scale else None, at=move.at)


def _move(view: View, steps: Sequence[Step], found: State) -> Decision:
    step = steps[found.step]
    move = kinds.held(view, found.own, step)
    if move.arrived:
        return advance(view, steps, found)
    allowed = found.own.get("progressDeadlineSeconds") or DEADLINE
    struck = max(found.since, last_change(view)) + allowed
    if view.now >= struck and not move.fields and not move.deletes:
        wanted = view.wanted if step.kind == "preview" else kinds.target(view, step)
        ready = available(view.new_pods, 0, view.now)[0]
        return abort(view, found, f"step {found.step + 1} ({step}): {ready} of {wanted} new pods ready, and none more within {allowed}s")
    decision = _moving(found, move)
    return replace(decision, at=min(struck, decision.at or struck)) if decision.state is None else decision


def _hold(view: View, steps: Sequence[Step], found: State) -> Decision | None:
    """What somebody changed meanwhile (an apply of the manifest, a scaling) is put right."""
    reached = [step for step in steps[: found.step + 1] if step.kind in ("share", "preview")]
    move = kinds.held(view, found.own, reached[-1]) if reached else Move()
    return Decision(found, move.fields) if move.fields else None


def _pause(view: View, steps: Sequence[Step], found: State) -> Decision:
    seconds = steps[found.step].seconds
    if found.phase == "inconclusive" or seconds is None:
        return WAIT
    until = found.since + seconds
    return advance(view, steps, found) if view.now >= until else Decision(at=until)


def _check(view: View, steps: Sequence[Step], found: State, verdict: Verdict | None) -> Decision:
    if verdict is None:
        return Decision(ask=steps[found.step])
    if verdict.result == "good":
        return advance(view, steps, found)
    if verdict.result == "bad":
        return abort(view, found, verdict.why)
    said = f"Step {found.step + 1} says neither good nor bad: {verdict.why}; promote, retry or abort"
    told = Told("Warning", "RolloutStepsInconclusive", said)
    return Decision(replace(found, phase="inconclusive", since=view.now, why=verdict.why), told=told)


def _finish(view: View, steps: Sequence[Step], found: State) -> Decision:
    if kinds.of(view.kind).is_complete(view):
        return _end(view, found, "done")
    if view.kind == "Deployment":
        progressing = condition(view.workload, "Progressing") or {}
        if view.is_observed and progressing.get("reason") == "ProgressDeadlineExceeded" and progressing.get("status") == "False":
            return abort(view, found, "the progress deadline was exceeded after the last step")
        return WAIT
    struck = max(found.since, last_change(view)) + DEADLINE
    if view.now >= struck:
        return abort(view, found, f"no new pod became ready within {DEADLINE}s after the last step")
    return Decision(at=struck)


def _return(view: View, found: State) -> Decision:
    """A StatefulSet would wait for ever for broken pods of the release that was given up: they are deleted."""
    if found.own and not _is_back(view, found):
        return Decision(replace(found, own={}), dict(found.own), undo=True)
    if kinds.of(view.kind).is_complete(view):
        return _end(view, found, "aborted")
    new = {name(pod) for pod in view.new_pods}
    stuck = [pod for pod in view.own_pods if name(pod) not in new and ready_since(pod) is None]
    if view.kind == "StatefulSet" and view.newest is not None and stuck:
        return Decision(move=Move(deletes=stuck))
    return WAIT


def _end(view: View, found: State, phase: Phase) -> Decision:
    said = (Told("Normal", "RolloutStepsDone", "All steps are done") if phase == "done"
            else Told("Warning", "RolloutStepsAborted", f"Is back at {found.stable}: {found.why}"))
    return Decision(replace(found, phase=phase, since=view.now, own={}), told=said)


# --- also asked for by people ---
def advance(view: View, steps: Sequence[Step], found: State, *, to_end: bool = False) -> Decision:
    """The next step, or the last one. The last gives the owner's fields back, and the kind's own controller does the rest."""
    at = len(steps) - 1 if to_end else found.step + 1
    step = steps[min(at, len(steps) - 1)]
    phase: Phase = "finishing" if step.is_last else _PHASES[step.kind]
    state = replace(found, step=min(at, len(steps) - 1), phase=phase, since=view.now, why="", own={} if step.is_last else found.own)
    told = Told("Normal", "RolloutStep", f"Step {state.step + 1} of {len(steps)}: {step}")
    return Decision(state, _restored(found) if step.is_last else {"paused": None} if found.phase == "catching" else {}, told=told)


_PHASES: Mapping[str, Phase] = {"share": "moving", "preview": "moving", "pause": "paused", "check": "checking", "switch": "moving"}


def _restored(found: State) -> dict[str, Any]:
    return kinds.restored(found.own, unpause=found.phase == "catching")


def abort(view: View, found: State, why: str) -> Decision:
    """Back to the stable revision with the owner's fields, in one write; where Services are led, they are led back before it."""
    newest = name(view.newest) if view.newest is not None else ""
    state = replace(found, phase="aborting", since=view.now, why=why, aborted=newest)
    told = Told("Warning", "RolloutStepsAbort", f"Goes back to {found.stable}: {why}")
    unpaused = {"paused": None} if found.phase == "catching" else {}
    if view.services and found.own:
        return Decision(state, unpaused, told=told)
    return Decision(replace(state, own={}), {**found.own, **unpaused}, undo=True, told=told)
