"""The second step: pods whose ordinals there should not be go, the highest first.

Called by `plan` when every replica is there (and, with ordered management, available). Before a pod goes its claims get their owner, so
that they go with it if the policy says so. Ordered management takes one at a time, and waits while another pod is not available.
Source of the rule: pkg/controller/statefulset processCondemned.
"""

from __future__ import annotations

from wherry.rules.objects.plan import Action, Delete
from wherry.rules.workloads.statefulset import retention
from wherry.rules.workloads.statefulset.known_pods import Member
from wherry.rules.workloads.statefulset.strategy import forces_rollback
from wherry.rules.workloads.statefulset.view import View


def claim_owners(view: View) -> list[Action]:
    """The owners of the claims of all pods that go."""
    return [a for m in view.standing.condemned() if m.pod is not None for a in _owners(view, m)]


def _owners(view: View, member: Member) -> list[Action]:
    assert member.pod is not None
    if retention.is_satisfied(view.stateful_set, member.pod, view.claim):
        return []
    return retention.corrections(view.stateful_set, member.pod, view.claim)


def deletions(view: View) -> list[Action]:
    """The pods to delete now."""
    if not view.ordered:
        return [Delete(m.pod) for m in view.standing.condemned() if m.pod is not None and not m.terminating]
    highest = view.standing.condemned()[0]
    if highest.terminating or highest.pod is None:
        return []
    if (highest.unavailable or not highest.ready) and highest is not view.first_unavailable() and not forces_rollback(view.stateful_set):
        return []  # with two such pods each waits for the other, until a hand helps; a forced rollback needs none
    return [Delete(highest.pod)]
