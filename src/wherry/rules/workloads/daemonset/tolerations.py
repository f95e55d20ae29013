"""The taints that every daemon pod stands: those of a node that is in trouble or cordoned off.

Called when a daemon pod is made and when nodes are judged. One toleration per key, effect, operator and value; the daemon's own replaces
one of the template's that only lasts for a while.
Source of the rule: pkg/controller/daemon/util AddOrUpdateDaemonPodTolerations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wherry.api.objects import Obj


def _exists(key: str, effect: str) -> Obj:
    return {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}


_DAEMON = (
    _exists("not-ready", "NoExecute"),
    _exists("unreachable", "NoExecute"),
    _exists("disk-pressure", "NoSchedule"),
    _exists("memory-pressure", "NoSchedule"),
    _exists("pid-pressure", "NoSchedule"),
    _exists("unschedulable", "NoSchedule"),
)
_HOST_NETWORK = _exists("network-unavailable", "NoSchedule")


def _identity(toleration: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(toleration.get(k) or "" for k in ("key", "effect", "operator", "value"))


def _with(tolerations: Sequence[Obj], new: Obj) -> list[Obj]:
    replaced = [new if _identity(t) == _identity(new) else t for t in tolerations]
    return replaced if new in replaced else [*replaced, new]


def of_daemon_pod(spec: Obj) -> list[Obj]:
    """All tolerations of a daemon pod with that pod spec."""
    found: list[Obj] = list(spec.get("tolerations") or ())
    for each in (*_DAEMON, _HOST_NETWORK) if spec.get("hostNetwork") else _DAEMON:
        found = _with(found, each)
    return found
