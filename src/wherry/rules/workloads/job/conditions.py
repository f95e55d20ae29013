"""The conditions of a Job: made, and set in a list of them.

Called by `verdict` and `tally`. A condition that is False is never added anew. Source: pkg/controller/job newCondition,
ensureJobConditionStatus.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api import timestamps
from wherry.api.objects import Obj


def made(type_: str, reason: str, message: str, now: float, status: str = "True") -> Obj:
    at = timestamps.time(now)
    return {"type": type_, "status": status, "lastProbeTime": at, "lastTransitionTime": at, "reason": reason, "message": message}


def true(job: Obj, type_: str) -> Obj | None:
    """The condition of that type, when it is true."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") == type_ and condition.get("status") == "True":
            found: Obj = condition
            return found
    return None


def ensured(conditions: Sequence[Obj], new: Obj) -> list[Obj] | None:
    """The list with `new` in it, in the old one's place; None when it says so already."""
    for at, old in enumerate(conditions):
        if old.get("type") == new["type"]:
            same = all((old.get(k) or "") == new[k] for k in ("status", "reason", "message"))
            return None if same else [*conditions[:at], new, *conditions[at + 1 :]]
    return [*conditions, new] if new["status"] != "False" else None
