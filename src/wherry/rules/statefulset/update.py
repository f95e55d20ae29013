"""The third step: pods of another revision are replaced, the highest ordinal first.

Called by `plan` when all replicas are there and no pod is left to scale away. Without maxUnavailable one pod is deleted, and none while a
pod above it is not available; with it so many that no more than that are unavailable. Pods below the partition stay as they are.
Source of the rule: pkg/controller/statefulset updateStatefulSet; KEP-961 (maxUnavailable).
"""

from __future__ import annotations

from wherry.api import objects
from wherry.rules.plan import Delete
from wherry.rules.statefulset import strategy
from wherry.rules.statefulset.view import Member, View


def replacements(view: View) -> list[Delete]:
    """The pods to delete, so that they come back in the updated revision."""
    if strategy.is_on_delete(view.stateful_set):
        return []
    candidates = view.replicas[strategy.partition(view.stateful_set):][::-1]
    limit = strategy.max_unavailable(view.stateful_set)
    return _one(view, candidates) if limit is None else _several(view, candidates, limit)


def _is_outdated(view: View, member: Member) -> bool:
    return member.pod is not None and not member.terminating and member.revision != objects.name(view.update)


def _one(view: View, candidates: list[Member]) -> list[Delete]:
    for member in candidates:
        if _is_outdated(view, member):
            assert member.pod is not None
            return [Delete(member.pod)]
        if member.unavailable:
            break
    return []


def _several(view: View, candidates: list[Member], limit: int) -> list[Delete]:
    room = limit - sum(m.unavailable for m in view.replicas)
    outdated = [Delete(m.pod) for m in candidates if m.pod is not None and _is_outdated(view, m)]
    return outdated[: max(0, room)]
