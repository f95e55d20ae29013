"""A release of an annotated workload is held in the very write that makes it: pure.

Called by admission where a driver of steps runs in the same cluster. So whoever writes a new template (`kubectl set image`, `apply`) need
not know of steps, and not one pod more than the first share is made before the driver has looked. Elsewhere the driver comes a moment
later, and takes back what is too much.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj, annotations_of, labels
from wherry.rules.workloads.steps import blue_green, kinds
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.move import Fields, NoSteps
from wherry.rules.workloads.steps.spec import BadSteps, parse
from wherry.rules.workloads.steps.state import State
from wherry.rules.workloads.steps.view import View
from wherry.rules.workloads.template_hash import template_hash


def hold(kind: str, old: Obj, draft: Obj, now: float) -> None:
    """Changes the draft. Steps that make no sense are left to the driver, who says so."""
    if states.STEPS not in annotations_of(draft) or old["spec"]["template"] == draft["spec"]["template"]:
        return
    release = template_hash(draft["spec"]["template"])
    found, before = states.read(draft), states.read(old)
    if (found is not None and found.release == release) or release == template_hash(old["spec"]["template"]):
        return  # a driver's own write, or no new release
    under_way = before if before is not None and not before.is_over else None
    view = View({"kind": kind, **draft}, (), (), now)
    try:
        steps = parse(annotations_of(draft)[states.STEPS])
        kinds.supports(kind, steps)
        blue_green.require(draft, steps)
        own = dict(under_way.own) if under_way is not None and under_way.own else kinds.of(kind).own(draft)
    except (BadSteps, NoSteps):
        return
    waits = steps[0].kind == "preview"
    fields = _fields(view, own, steps[0].percent) | ({"paused": True} if waits else {})
    state = State(release, under_way.stable if under_way is not None else "", 0, "catching" if waits else "moving", now, own=own)
    draft["spec"].update(fields)
    meta = draft["metadata"]
    meta["annotations"] = {**annotations_of(draft), states.STATE: states.text_of(state)}
    meta["labels"] = {**labels(draft), **states.labels(state, len(steps))}


def _fields(view: View, own: Fields, percent: int) -> dict[str, Any]:
    """A preview (no percentage) waits besides: its Services have to be led first."""
    wanted = view.wanted
    return dict(kinds.of(view.kind).opening(view, own, max(1, wanted * percent // 100) if wanted else 0))
