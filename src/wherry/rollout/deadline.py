"""The progress deadline of a Deployment: how long it still has, and whether a deadline that has struck is this rollout's. Pure.

Called by `explain`, `snapshot` and the guard. After an undo the condition of the rollout that failed stays until the controller sees the
new one progress, and `kubectl rollout status` takes it for the new one's; here a condition that names another ReplicaSet is not.
Source: pkg/controller/deployment/progress.go, util/deployment_util.go (DeploymentTimedOut).
"""

from __future__ import annotations

import re

from wherry.api import timestamps
from wherry.api.objects import Obj, condition

EXCEEDED = "ProgressDeadlineExceeded"
_NEVER = 2**31 - 1
_REPLICA_SET = re.compile(r'ReplicaSet "([^"]+)"')


def left(deployment: Obj, now: float, newest: str = "") -> float | None:
    """Seconds until the deadline strikes, 0 when it has; None without a deadline or when nothing is rolling out."""
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    progressing = condition(deployment, "Progressing")
    if seconds is None or seconds == _NEVER or progressing is None or deployment["spec"].get("paused"):
        return None
    if progressing.get("reason") == EXCEEDED:
        return None if is_stale(deployment, newest) else 0.0
    if progressing.get("reason") == "NewReplicaSetAvailable" or not progressing.get("lastUpdateTime"):
        return None
    return max(0.0, timestamps.parse(progressing["lastUpdateTime"]) + float(seconds) - now)


def struck(deployment: Obj, newest: str = "") -> bool:
    """The deadline of the present rollout has passed. `newest`: the name of its ReplicaSet, where that is known."""
    progressing = condition(deployment, "Progressing")
    return progressing is not None and progressing.get("reason") == EXCEEDED and not is_stale(deployment, newest)


def is_stale(deployment: Obj, newest: str = "") -> bool:
    """The condition is another rollout's: it names another ReplicaSet, or else it is older than the template."""
    progressing = condition(deployment, "Progressing") or {}
    if not _is_observed(deployment):
        return True
    named = _REPLICA_SET.match(progressing.get("message", ""))
    if newest and named:
        return named[1] != newest
    written, updated = template_written(deployment), progressing.get("lastUpdateTime")
    return written is not None and bool(updated) and timestamps.parse(updated) < written


def _is_observed(deployment: Obj) -> bool:
    seen = (deployment.get("status") or {}).get("observedGeneration", 0)
    return bool(deployment["metadata"].get("generation", 0) <= seen)


def template_written(workload: Obj) -> float | None:
    """When the pod template was last written, as far as managedFields say."""
    moments = [timestamps.parse(entry["time"]) for entry in workload["metadata"].get("managedFields") or ()
               if entry.get("time") and not entry.get("subresource")
               and "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})]
    return max(moments, default=None)
