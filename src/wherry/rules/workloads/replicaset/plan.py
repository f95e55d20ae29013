"""Whose pods are these: the first step of a ReplicaSet's reconciliation.

Called by the ReplicaSet controller with the pods, among those that it controls or might adopt, of which that is to be found out. Gives the
active pods that count, those that are terminating, and the adoptions and releases that come first (when there are any, nothing else is
done before they are seen).
Source of the rule: pkg/controller/replicaset syncReplicaSet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Patch
from wherry.rules.pods import state_of_replica as pod_rules


class OwnPods(NamedTuple):
    """`active` and owned; owned and `terminating`; `claims` to make first."""

    active: tuple[Obj, ...]
    terminating: tuple[Obj, ...]
    claims: tuple[Patch, ...]


def gather(replica_set: Obj, candidates: Iterable[Obj]) -> OwnPods | None:
    """Sort `candidates` (pods it controls, and orphans of its namespace). None when its selector cannot be read."""
    try:
        matches = ownership.matcher(replica_set["spec"]["selector"])
    except BadRequest:
        return None
    active, terminating = [], []
    for pod in candidates:
        if pod_rules.is_active(pod):
            active.append(pod)
        elif pod_rules.is_terminating(pod) and ownership.is_claimed(replica_set, pod, matches):
            terminating.append(pod)
    claim = ownership.claim(replica_set, active, matches)
    return OwnPods(claim.owned, tuple(terminating), claim.actions)
