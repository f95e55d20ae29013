"""The third step: pods of another revision are replaced, the highest ordinal first.

Called by `plan` when all replicas are there and no pod is left to scale away. Without maxUnavailable one pod is deleted, and none while a
pod above it is not available; with it so many that no more than that are unavailable. Pods below the partition stay as they are.
Source of the rule: pkg/controller/statefulset updateStatefulSet; KEP-961 (maxUnavailable).
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest

from wherry.api import objects
from wherry.rules.objects.plan import Delete
from wherry.rules.workloads.statefulset import identity, strategy
from wherry.rules.workloads.statefulset.view import View


def replacements(view: View) -> list[Delete]:
    """The pods to delete, so that they come back in the updated revision."""
    if strategy.is_on_delete(view.stateful_set):
        return []
    limit = strategy.max_unavailable(view.stateful_set)
    return _one(view) if limit is None else _several(view, limit)


def _outdated(view: View) -> Iterable[int]:
    """The ordinals of the pods that are to be replaced, in no order."""
    ordinals = identity.ordinals(view.stateful_set)
    replaced = range(ordinals.start + strategy.partition(view.stateful_set), ordinals.stop)
    return (ordinal for ordinal in view.standing.of_other_revisions(objects.name(view.update)) if ordinal in replaced)


def _one(view: View) -> list[Delete]:
    highest = max(_outdated(view), default=None)
    if highest is None or any(m.unavailable and m.ordinal > highest for m in view.standing.open_replicas()):
        return []
    return _deletions(view, [highest])


def _several(view: View, limit: int) -> list[Delete]:
    room = limit - sum(m.unavailable for m in view.standing.open_replicas())
    return _deletions(view, nlargest(room, _outdated(view))) if room > 0 else []


def _deletions(view: View, ordinals: Iterable[int]) -> list[Delete]:
    return [Delete(pod) for ordinal in ordinals if (pod := view.standing.get(ordinal).pod) is not None]
