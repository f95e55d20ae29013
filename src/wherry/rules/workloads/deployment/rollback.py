"""The legacy way back: the annotation `deprecated.deployment.rollback.to` asks the controller to restore a revision's template.

Called by `plan`; the annotation is what became of `spec.rollbackTo` of the old API versions. 0 means the revision before the present one.
The annotation is removed in any case. (`kubectl rollout undo` does not use it: it patches the template itself.)
Source of the rule: pkg/controller/deployment/rollback.go.
"""

from __future__ import annotations

import re

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Emit, Plan, Update
from wherry.rules.workloads.deployment import annotations as notes
from wherry.rules.workloads.deployment.rollout import Rollout
from wherry.rules.workloads.template_hash import same_template, without_hash

_INTEGER = re.compile(r"[+-]?[0-9]+")


def wanted_revision(deployment: Obj) -> int | None:
    """The revision asked for, None when nothing (or nothing readable) is asked."""
    text = objects.annotations_of(deployment).get(notes.ROLLBACK_TO, "")
    return int(text) if _INTEGER.fullmatch(text) else None


def last_revision(rollout: Rollout) -> int:
    """The second highest revision, 0 when there is none."""
    found = sorted((notes.revision(rs) or 0 for rs in rollout.all), reverse=True)
    return found[1] if len(found) > 1 else 0


def _cleared(deployment: Obj) -> Obj:
    kept = {k: v for k, v in objects.annotations_of(deployment).items() if k != notes.ROLLBACK_TO}
    return objects.with_metadata(deployment, annotations=kept or None)


def _give_up(rollout: Rollout, reason: str, message: str) -> Plan:
    return Plan((Emit(rollout.deployment, "Warning", reason, message), Update(_cleared(rollout.deployment))))


def plan_rollback(rollout: Rollout, revision: int) -> Plan:
    """Go back to `revision`: its template and its annotations."""
    deployment = rollout.deployment
    revision = revision or last_revision(rollout)
    if revision == 0:
        return _give_up(rollout, "DeploymentRollbackRevisionNotFound", "Unable to find last revision.")
    target = next((rs for rs in rollout.all if notes.revision(rs) == revision), None)
    if target is None:
        return _give_up(rollout, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to.")
    template = target["spec"]["template"]
    if same_template(deployment["spec"]["template"], template):
        message = f'The rollback revision contains the same template as current deployment "{objects.name(deployment)}"'
        return _give_up(rollout, "DeploymentRollbackTemplateUnchanged", message)
    back = objects.with_metadata(deployment, annotations=notes.for_rolled_back(deployment, target))
    restored = _cleared({**back, "spec": {**deployment["spec"], "template": without_hash(template)}})
    message = f'Rolled back deployment "{objects.name(deployment)}" to revision {revision}'
    return Plan((Update(restored), Emit(deployment, "Normal", "DeploymentRollback", message)))
