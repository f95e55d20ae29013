"""Whose pods and revisions are these: the first step of a StatefulSet's reconciliation.

Called by the StatefulSet controller with every revision that it controls or might adopt, and the pods of which that is to be found out.
Gives what is its own, and the adoptions and releases that come first (when there are any, nothing else is done before they are seen).
Source of the rule: pkg/controller/statefulset getPodsForStatefulSet, adoptOrphanRevisions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Patch
from wherry.rules.workloads import revisions
from wherry.rules.workloads.statefulset import identity


class Own(NamedTuple):
    """`pods` in whatever state; `revisions` in order; `claims`: adoptions and releases to make first."""

    pods: tuple[Obj, ...]
    revisions: tuple[Obj, ...]
    claims: tuple[Patch, ...]


def gather(stateful_set: Obj, pods: Iterable[Obj], history: Iterable[Obj]) -> Own | None:
    """Sort the candidates (owned ones, and orphans of its namespace). None when its selector cannot be read."""
    try:
        matches = ownership.matcher(stateful_set["spec"]["selector"])
    except BadRequest:
        return None
    kept = ownership.claim(stateful_set, history, matches)
    own = ownership.claim(stateful_set, pods, lambda pod: matches(pod) and identity.is_member(stateful_set, pod))
    return Own(own.owned, tuple(revisions.in_order(kept.owned)), (*kept.actions, *own.actions))
