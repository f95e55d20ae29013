"""The annotations by which a Deployment and its ReplicaSets remember revisions and sizes.

Called by the Deployment rules, and by `wherry.rollout` for history and undo. A ReplicaSet carries its revision, the revisions it had
before, the size that its Deployment had when it was scaled last (so that a scaling event is told from a rollout), and copies of the
Deployment's own annotations, except those listed here.
Source of the rule: pkg/controller/deployment/util SetNewReplicaSetAnnotations, SetReplicasAnnotations, SetDeploymentAnnotationsTo.
"""

from __future__ import annotations

import re

from wherry.api import objects
from wherry.api.objects import Obj

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

#: never copied between a Deployment and its ReplicaSets
NOT_COPIED = frozenset((LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, ROLLBACK_TO))

_HISTORY_LENGTH = 2000  # characters: about 100 revisions
_INTEGER = re.compile(r"[+-]?[0-9]+")
_UNSIGNED = re.compile(r"[0-9]+")


def revision(obj: Obj) -> int | None:
    """The revision of a Deployment or ReplicaSet: 0 without the annotation, None when it is no number."""
    text = objects.annotations_of(obj).get(REVISION)
    if text is None:
        return 0
    return int(text) if _INTEGER.fullmatch(text) else None


def count(replica_set: Obj, annotation: str) -> int | None:
    """The size in DESIRED_REPLICAS or MAX_REPLICAS, None when it is missing or not a 31-bit number."""
    text = objects.annotations_of(replica_set).get(annotation, "")
    number = int(text) if _UNSIGNED.fullmatch(text) else -1
    return number if 0 <= number < 2**31 else None


def sizes(desired: int, most: int) -> dict[str, str]:
    """What a ReplicaSet remembers of its Deployment's size when it is created or scaled."""
    return {DESIRED_REPLICAS: str(desired), MAX_REPLICAS: str(most)}


def copied(annotations: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in annotations.items() if k not in NOT_COPIED}


def _history(history: str, previous: str) -> str:
    """The list of earlier revisions with `previous` at its end, the oldest ones dropped where it would get too long."""
    entries = [*history.split(","), previous] if history else [previous]
    while len(entries) > 1 and len(",".join(entries)) > _HISTORY_LENGTH:
        del entries[0]
    return ",".join(entries)


def for_new_replica_set(deployment: Obj, replica_set: Obj, new_revision: int) -> dict[str, str]:
    """The annotations that the new ReplicaSet should have: its Deployment's, and a revision that is never lower than before."""
    current = objects.annotations_of(replica_set)
    previous, number = current.get(REVISION), revision(replica_set)
    if number is None and previous:
        return current  # not ours to overwrite
    wanted = {**current, **copied(objects.annotations_of(deployment))}
    if (number or 0) < new_revision:
        wanted[REVISION] = str(new_revision)
        if previous is not None:
            wanted[REVISION_HISTORY] = _history(current.get(REVISION_HISTORY, ""), previous)
    return wanted


def for_rolled_back(deployment: Obj, replica_set: Obj) -> dict[str, str]:
    """The annotations of a Deployment that goes back to a ReplicaSet: its own special ones, and otherwise the ReplicaSet's."""
    kept = {k: v for k, v in objects.annotations_of(deployment).items() if k in NOT_COPIED}
    return {**kept, **copied(objects.annotations_of(replica_set))}
