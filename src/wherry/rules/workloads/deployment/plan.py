"""What to do next for a Deployment: the one entry to its rules.

Called by the Deployment controller, and by rehearsals, with the Deployment, the ReplicaSets that it controls or might adopt, their pods by
uid of the ReplicaSet, and the time. The plan is one step: a write that must be seen before anything else is decided stands alone. After
every change the controller asks again, so a crash between any two writes loses nothing.
Source of the rule: pkg/controller/deployment syncDeployment, sync, rolloutRolling, rolloutRecreate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wherry.api.objects import Obj, is_deleting
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Action, Emit, Plan
from wherry.rules.workloads.deployment import progress, recreate, rolling, scale, status, strategy
from wherry.rules.workloads.deployment.cleanup import cleanup
from wherry.rules.workloads.deployment.create import plan_create
from wherry.rules.workloads.deployment.revision import sync_revision
from wherry.rules.workloads.deployment.rollback import plan_rollback, wanted_revision
from wherry.rules.workloads.deployment.rollout import Rollout

_SELECTS_ALL = "This deployment is selecting all pods. A non-empty selector is required."


def _selects_everything(rollout: Rollout) -> Plan:
    """An empty selector is refused: it would take every pod."""
    actions: list[Action] = [Emit(rollout.deployment, "Warning", "SelectingAll", _SELECTS_ALL)]
    generation = rollout.deployment["metadata"].get("generation", 0)
    if rollout.status.get("observedGeneration", 0) < generation:
        actions.append(rollout.write_status({**rollout.status, "observedGeneration": generation}))
    return Plan(tuple(actions))


def _status_only(rollout: Rollout, actions: tuple[Action, ...] = ()) -> Plan:
    """The actions, then the status, without a look at progress."""
    return Plan((*actions, *status.write(rollout, status.new_status(rollout))))


def _scaling(rollout: Rollout) -> Plan:
    """The Deployment was scaled, or is paused."""
    actions: tuple[Action, ...] = scale.scale(rollout)
    if rollout.is_paused and wanted_revision(rollout.deployment) is None:
        actions += cleanup(rollout)
    return _status_only(rollout, actions)


def _cleanup_when_complete(rollout: Rollout) -> tuple[Action, ...]:
    return cleanup(rollout) if progress.is_complete(rollout, rollout.status) else ()


def _rolling(rollout: Rollout) -> Plan:
    new = rollout.new
    if new is None:
        return plan_create(rollout)
    if grown := rolling.scale_new(rollout, new):
        return progress.finish(rollout, grown)
    shrunk, is_over = rolling.scale_old(rollout, new)
    return progress.finish(rollout, shrunk if is_over else shrunk + _cleanup_when_complete(rollout))


def _recreate(rollout: Rollout) -> Plan:
    if shrunk := recreate.scale_down_old(rollout):
        return progress.finish(rollout, shrunk)
    if recreate.old_pods_running(rollout):
        return progress.finish(rollout, ())
    new = rollout.new
    if new is None:
        return plan_create(rollout)
    return progress.finish(rollout, rollout.scale(new, rollout.desired) + _cleanup_when_complete(rollout))


def _step(rollout: Rollout) -> Plan:
    deployment = rollout.deployment
    if is_deleting(deployment):
        update = sync_revision(rollout)
        return Plan((update,)) if update is not None else _status_only(rollout)
    update = progress.pause_or_resume(rollout) or sync_revision(rollout)
    if update is not None:
        return Plan((update,))
    if not rollout.is_paused:
        revision = wanted_revision(deployment)
        if revision is not None:
            return plan_create(rollout) if rollout.new is None else plan_rollback(rollout, revision)
    if rollout.is_paused or scale.is_scaling_event(rollout):
        return _scaling(rollout)
    return _rolling(rollout) if strategy.is_rolling(deployment) else _recreate(rollout)


def plan_deployment(deployment: Obj, candidates: Iterable[Obj], pods: Mapping[str, Sequence[Obj]], now: float) -> Plan:
    """The next step. `candidates`: ReplicaSets of the namespace that the Deployment controls, and orphans."""
    selector = deployment["spec"]["selector"]
    if not selector:
        return _selects_everything(Rollout(deployment, None, (), {}, now))
    claim = ownership.claim(deployment, candidates, ownership.matcher(selector))
    if claim.actions:
        return Plan(claim.actions)
    return _step(Rollout.of(deployment, claim.owned, pods, now))
