"""How many pods a Deployment may have too many or too few while it updates, and how large its new ReplicaSet may be.

Called by the Deployment rules. Percentages of maxSurge are rounded up, those of maxUnavailable down; when both come to zero, one pod may
be unavailable, as nothing could move otherwise.
Source of the rule: pkg/controller/deployment/util ResolveFenceposts, NewRSNewReplicas.
"""

from __future__ import annotations

from wherry.api.int_or_percent import scaled
from wherry.api.objects import Obj


def replicas(deployment: Obj) -> int:
    """`.spec.replicas`, 1 when not given."""
    given = deployment["spec"].get("replicas")
    return 1 if given is None else int(given)


def is_rolling(deployment: Obj) -> bool:
    return bool((deployment["spec"].get("strategy") or {}).get("type", "RollingUpdate") == "RollingUpdate")


def fenceposts(deployment: Obj) -> tuple[int, int]:
    """(surge, unavailable) in pods, of a rolling update."""
    desired = replicas(deployment)
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", 0), desired, True)
    unavailable = scaled(rolling.get("maxUnavailable", 0), desired, False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def max_surge(deployment: Obj) -> int:
    return fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Obj) -> int:
    """Never more than there are replicas."""
    if not is_rolling(deployment):
        return 0
    return min(fenceposts(deployment)[1], replicas(deployment))


def new_size(deployment: Obj, current_total: int, new: int) -> int:
    """The size that the new ReplicaSet (now `new`) may have, when all ReplicaSets together have `current_total`."""
    desired = replicas(deployment)
    if not is_rolling(deployment):
        return desired
    room = desired + max_surge(deployment) - current_total
    return new + min(room, desired - new) if room > 0 else new
