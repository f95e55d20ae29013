"""How a release in steps begins: annotations, template and the fields that hold the first share, in one write. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wherry.api.objects import Obj, annotations_of, name, with_metadata
from wherry.rollout import checks as reading
from wherry.rollout.changes import without_hash
from wherry.rollout.errors import RolloutError, Unchanged
from wherry.rollout.revisions import Revision, choose, of_sources
from wherry.rollout.step_writes import of_revision
from wherry.rollout.targets import DEPLOYMENTS, Named
from wherry.rules.workloads.steps import blue_green, deployment, kinds, spec
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.decide import Decision, Told, decide
from wherry.rules.workloads.steps.spec import BadSteps, Step
from wherry.rules.workloads.steps.state import State
from wherry.rules.workloads.steps.view import View
from wherry.rules.workloads.template_hash import template_hash


@dataclass(frozen=True, slots=True)
class Release:
    """What was asked for. `source`: the name of the revision that has the template."""

    steps: str = ""
    checks: str | None = None
    notify: str | None = None
    services: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    template: Obj | None = None
    to_revision: int = 0
    source: str = ""


def beginning(target: Named, view: View, asked: Release) -> tuple[View, Decision]:
    """The view with the annotations that are to be, and what is to be written. Raises BadSteps, NoSteps, BadCheck, RolloutError."""
    noted = {states.STEPS: asked.steps or None, states.CHECKS: asked.checks, states.NOTIFY: asked.notify, states.SERVICES: asked.services}
    annotations = annotations_of(view.workload) | {key: value for key, value in noted.items() if value is not None}
    view = replace(view, workload=with_metadata(view.workload, annotations=annotations))
    steps = sensible(view)
    template = _template(target, view, asked)
    if template is None:
        return view, _of_what_is_there(view, steps)
    if template_hash(template) == view.release:
        raise Unchanged("has that template already: there is nothing to roll out")
    return view, _of_template(view, steps, template)


def sensible(view: View) -> tuple[Step, ...]:
    """The steps of its annotation. Raises what makes them impossible for this object."""
    text = annotations_of(view.workload).get(states.STEPS)
    if not text:
        raise BadSteps(f"no steps: give them with --steps, or with the annotation {states.STEPS}")
    steps = spec.parse(text)
    kinds.supports(view.kind, steps)
    blue_green.require(view.workload, steps)
    there = reading.parse(annotations_of(view.workload).get(states.CHECKS, ""))
    for step in steps:
        if step.kind == "check":
            reading.chosen(there, step.checks)
    return steps


def _template(target: Named, view: View, asked: Release) -> Obj | None:
    if asked.template is not None:
        return asked.template
    if asked.source or asked.to_revision:
        found = _revision(target, view, asked)
        return without_hash(found.template) if target.resource is DEPLOYMENTS else found.template
    return _with_images(view.workload, asked.images) if asked.images else None


def _revision(target: Named, view: View, asked: Release) -> Revision:
    if asked.source:
        return of_revision(target, view, asked.source)
    return choose(of_sources(target, view.workload, view.sources), asked.to_revision, target)


def _with_images(workload: Obj, images: Mapping[str, str]) -> Obj:
    template: Obj = workload["spec"]["template"]
    unknown = set(images) - {c["name"] for f in ("containers", "initContainers") for c in template["spec"].get(f) or ()}
    if unknown:
        raise RolloutError(f'unable to find container named "{min(unknown)}"')
    changed = {f: [{**c, "image": images.get(c["name"], c.get("image"))} for c in template["spec"][f]]
               for f in ("containers", "initContainers") if template["spec"].get(f)}
    return {**template, "spec": {**template["spec"], **changed}}


def _of_what_is_there(view: View, steps: tuple[Step, ...]) -> Decision:
    """A Deployment that was paused for the release goes on. What is rolled out already only gets the annotations."""
    found = states.read(view.workload)
    if found is not None and found.release == view.release:
        return Decision(found)
    decision = decide(view, steps)
    if decision.state is None:
        raise RolloutError("its controller has not yet seen the present template; try again")
    unpaused = {"paused": None} if view.is_paused and decision.state.phase == "moving" else {}
    return replace(decision, fields={**decision.fields, **unpaused})


def _of_template(view: View, steps: tuple[Step, ...], template: Obj) -> Decision:
    before = states.read(view.workload)
    under_way = before if before is not None and not before.is_over and before.release == view.release else None
    kind = kinds.of(view.kind)
    own = dict(under_way.own) if under_way is not None and under_way.own else kind.own(view.workload)
    if deployment.is_held(view.workload) and "strategy" in own and own.get("minReadySeconds") == states.NEVER:
        raise RolloutError("is held by steps that it does not know of; let a driver put that right first")
    stable = under_way.stable if under_way is not None else _stable(view)
    target = kinds.target(view, steps[0])
    fields = kind.opening(view, own, view.wanted if steps[0].kind == "preview" else target)
    if steps[0].kind == "preview":
        fields = deployment.surging(view)
    state = State(template_hash(template), stable, 0, "moving", view.now, own=own)
    said = Told("Normal", "RolloutStepsBegun", f"Goes in {len(steps)} steps: {', '.join(map(str, steps))}")
    unpaused = {"paused": None} if view.is_paused else {}
    return Decision(state, {**fields, "template": template, **unpaused}, told=said)


def _stable(view: View) -> str:
    """Where an abort goes back to: what runs now, or what ran before when that was never finished."""
    before = kinds.stable(view)
    if before is not None and not kinds.of(view.kind).is_complete(view):
        return name(before)
    if view.newest is None:
        raise RolloutError("its controller has not yet seen the present template; try again")
    return name(view.newest)
