"""The second step, without surge: old pods are deleted so that new ones can take their nodes.

Called by `plan` when the first step found nothing to do. An old pod that does not work goes at once; of those that work so many go that no
more than maxUnavailable nodes are without a working pod. The first step then creates the new ones.
Source of the rule: pkg/controller/daemon rollingUpdate, findUpdatedPodsOnNode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.workloads.daemonset.view import View, staying


class Pair(NamedTuple):
    """The updated and the outdated pod of a node."""

    new: Obj | None
    old: Obj | None


def pair(view: View, pods: Sequence[Obj]) -> Pair | None:
    """None when there are two of a kind: the first step has to tidy up."""
    new: Obj | None = None
    old: Obj | None = None
    for pod in staying(pods):
        if view.is_updated(pod):
            if new is not None:
                return None
            new = pod
        else:
            if old is not None:
                return None
            old = pod
    return Pair(new, old)


def pairs(view: View) -> Iterator[tuple[str, Pair | None]]:
    """Every node that has a pod or should have one."""
    for node, verdict in view.verdicts.items():
        if verdict.run or node in view.on:
            yield node, pair(view, view.on.get(node, ()))
    for node, pods in view.on.items():
        if node not in view.verdicts:
            yield node, pair(view, pods)


def replacements(view: View, max_unavailable: int) -> list[Obj]:
    """The old pods to delete now."""
    broken: list[Obj] = []
    working: list[Obj] = []
    unavailable = 0
    for _, found in pairs(view):
        if found is None or (found.new is None) == (found.old is None):
            unavailable += 1
        elif found.old is None:
            assert found.new is not None
            unavailable += not view.is_available(found.new)
        elif view.is_available(found.old):
            working.append(found.old)
        else:
            broken.append(found.old)
            unavailable += 1
    return broken + working[: max(0, max_unavailable - unavailable)]
