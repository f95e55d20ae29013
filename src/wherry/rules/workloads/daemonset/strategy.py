"""How a DaemonSet is updated, as its spec says: how many nodes may be without a working pod, how many may have a second one.

Read by the rules that create and delete. Shares are of the nodes that should have a pod, rounded up.
Source of the rule: pkg/controller/daemon/util SurgeCount, UnavailableCount; KEP-1591 (maxSurge).
"""

from __future__ import annotations

from wherry.api import int_or_percent, objects
from wherry.api.objects import Obj

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _strategy(daemon_set: Obj) -> Obj:
    return daemon_set["spec"].get("updateStrategy") or {}


def is_rolling(daemon_set: Obj) -> bool:
    return bool(_strategy(daemon_set).get("type", "RollingUpdate") == "RollingUpdate")


def _count(daemon_set: Obj, field: str, nodes: int) -> int:
    value = (_strategy(daemon_set).get("rollingUpdate") or {}).get(field)
    if value is None or not is_rolling(daemon_set):
        return 0
    return int_or_percent.scaled(value, nodes, round_up=True)


def limits(daemon_set: Obj, nodes: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) among so many nodes; one may be unavailable when neither is allowed. Raises ValueError."""
    surge, unavailable = _count(daemon_set, "maxSurge", nodes), _count(daemon_set, "maxUnavailable", nodes)
    return surge, 1 if nodes and not surge and not unavailable else unavailable


def allows_surge(daemon_set: Obj) -> bool:
    """A node may have two pods for a while."""
    try:
        return _count(daemon_set, "maxSurge", 1) > 0
    except ValueError:
        return False


def min_ready_seconds(daemon_set: Obj) -> int:
    return int(daemon_set["spec"].get("minReadySeconds") or 0)


def template_generation(daemon_set: Obj) -> str | None:
    """The number of the template by the old count, None when there is none that can be read."""
    text = objects.annotations_of(daemon_set).get(TEMPLATE_GENERATION)
    try:
        return None if text is None else str(int(text))
    except ValueError:
        return None
