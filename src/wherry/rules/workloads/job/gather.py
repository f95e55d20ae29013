"""Whose pods are these: the first step of a Job's reconciliation.

Called by the Job controller with every pod that the Job controls or might adopt. Gives its pods, and the adoptions and releases to make
first; the tracking finalizer comes and goes with them. Source: pkg/controller/job getPodsForJob.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.rules.objects import ownership
from wherry.rules.objects.ownership import Claim
from wherry.rules.workloads.job.tracked import FINALIZER


def gather(job: Obj, candidates: Iterable[Obj]) -> Claim | None:
    """None when its selector cannot be read."""
    try:
        matches = ownership.matcher(job["spec"].get("selector") or {})
    except BadRequest:
        return None
    return ownership.claim(job, candidates, matches, [FINALIZER])
