"""The second step, with surge: new pods are put beside old ones, and the old ones go when the new ones are available.

Called by `plan` when the first step found nothing to do. A node whose old pod does not work gets a new one at once; of the others no more
than maxSurge have two at a time. On nodes that should have no pod any more, old ones that work go only as far as enough others do.
Invariant: no node has more than one old and one new pod.
Source of the rule: pkg/controller/daemon rollingUpdate; KEP-1591.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wherry.api.objects import Obj
from wherry.rules.workloads.daemonset.rolling import Pair, pairs
from wherry.rules.workloads.daemonset.view import View


@dataclass(slots=True)
class _Count:
    surging: int = 0
    available: int = 0
    delete: list[Obj] = field(default_factory=list)
    unwanted: list[Obj] = field(default_factory=list)
    at_once: list[str] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)


def steps(view: View, max_surge: int) -> tuple[list[str], list[Obj]]:
    """(nodes to put a new pod on, old pods to delete)."""
    count = _Count()
    for node, found in pairs(view):
        if node not in view.verdicts:
            continue  # the node is gone: its pods are garbage, and count for nothing
        if found is None:
            count.surging += 1
        elif found.old is not None:
            _look(view, node, found, found.old, count)
        elif found.new is not None:
            count.available += view.is_available(found.new)
    spare = max(0, count.available - view.desired())
    room = max(0, max_surge - count.surging)
    return count.at_once + count.candidates[:room], count.delete + count.unwanted[:spare]


def _look(view: View, node: str, found: Pair, old: Obj, count: _Count) -> None:
    """A node with an old pod."""
    works = view.is_available(old)
    count.available += works
    if found.new is not None:
        if view.is_available(found.new):
            count.delete.append(old)
        else:
            count.surging += 1
    elif not view.verdicts[node].run:
        (count.unwanted if works else count.delete).append(old)
    else:
        (count.candidates if works else count.at_once).append(node)
