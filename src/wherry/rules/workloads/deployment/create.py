"""The ReplicaSet of a new template, and what to do when it cannot be created.

Called by `plan` when the present template has no ReplicaSet, and by the controller (`plan_create_failed`) when the creation failed. Its
name, labels and selector carry the template's hash, so the same template always makes the same name; if that name belongs to another
template, collisionCount in the status gives the next try another hash.
Source of the rule: pkg/controller/deployment getNewReplicaSet (sync.go).
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.api import objects
from wherry.api.errors import AlreadyExists, StatusError
from wherry.api.objects import Obj
from wherry.rules.objects import conditions
from wherry.rules.objects.plan import NOTHING, Action, Create, Emit, Plan
from wherry.rules.workloads.deployment import annotations as notes
from wherry.rules.workloads.deployment import strategy
from wherry.rules.workloads.deployment.replica_sets import total_size
from wherry.rules.workloads.deployment.revision import next_revision, take_over
from wherry.rules.workloads.deployment.rollout import Rollout
from wherry.rules.workloads.replicaset.replicas import is_namespace_terminating
from wherry.rules.workloads.template_hash import HASH_LABEL, same_template, template_hash

_LONGEST_NAME = 253


def replica_set_name(deployment_name: str, hash_: str) -> str:
    """`web-7c6f9`; a very long Deployment name is cut."""
    return f"{deployment_name[: _LONGEST_NAME - 1 - len(hash_)]}-{hash_}"


def new_replica_set(rollout: Rollout) -> Obj:
    """The ReplicaSet to create: as large as the strategy allows at once."""
    deployment, spec = rollout.deployment, rollout.deployment["spec"]
    template = spec["template"]
    hash_ = template_hash(template, rollout.status.get("collisionCount"))
    metadata = template.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH_LABEL: hash_}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH_LABEL: hash_}}
    own: dict[str, Any] = {"replicas": strategy.new_size(deployment, total_size(rollout.old), 0)}
    if spec.get("minReadySeconds"):
        own["minReadySeconds"] = spec["minReadySeconds"]
    draft: Obj = {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": replica_set_name(objects.name(deployment), hash_), "namespace": objects.namespace(deployment), "labels": labels,
            "ownerReferences": [objects.controller_ref(deployment)],
        },
        "spec": {**own, "selector": selector, "template": {**template, "metadata": {**metadata, "labels": labels}}},
    }
    noted = notes.for_new_replica_set(deployment, draft, next_revision(rollout))
    made = objects.with_metadata(draft, annotations={**noted, **notes.sizes(rollout.desired, rollout.most)})
    copy: Obj = msgspec.json.decode(msgspec.json.encode(made))  # the Deployment is shared, what is created may still be filled in
    return copy


def plan_create(rollout: Rollout) -> Plan:
    """Create the new ReplicaSet, tell it, and take its revision over."""
    new = new_replica_set(rollout)
    name, size = objects.name(new), new["spec"]["replicas"]
    actions: list[Action] = [Create(new)]
    if size > 0:
        actions.append(Emit(rollout.deployment, "Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}"))
    created = None
    if rollout.deadline is not None:
        created = rollout.condition("Progressing", "True", "NewReplicaSetCreated", f'Created new replica set "{name}"')
    if (update := take_over(rollout, objects.annotations_of(new)[notes.REVISION], created)) is not None:
        actions.append(update)
    return Plan(tuple(actions))


def _taken(rollout: Rollout, existing: Obj | None) -> Plan:
    """The name is taken: by our own ReplicaSet (then it will be found next time), or by a collision of hashes."""
    if existing is None:
        return NOTHING
    own = objects.is_controlled_by(existing, rollout.deployment)
    if own and same_template(existing["spec"]["template"], rollout.deployment["spec"]["template"]):
        return NOTHING
    count = (rollout.status.get("collisionCount") or 0) + 1
    return Plan((rollout.write_status({**rollout.status, "collisionCount": count}),))


def plan_create_failed(deployment: Obj, replica_set: Obj, error: StatusError, existing: Obj | None, now: float) -> Plan:
    """After the creation of `replica_set` failed; `existing` has its name now. The controller then tries again, with back-off."""
    rollout = Rollout(deployment, None, (), {}, now)
    if isinstance(error, AlreadyExists):
        return _taken(rollout, existing)
    if is_namespace_terminating(error):
        return NOTHING
    message = f'Failed to create new replica set "{objects.name(replica_set)}": {error.message}'
    event = Emit(deployment, "Warning", "ReplicaSetCreateError", message)
    if rollout.deadline is None:
        return Plan((event,))
    before = rollout.status.get("conditions") or []
    after = conditions.updated(before, rollout.condition("Progressing", "False", "ReplicaSetCreateError", message))
    return Plan((event,) if after is before else (rollout.write_status({**rollout.status, "conditions": after}), event))
