"""Defaults of Jobs and CronJobs.

Called through the strategies on every object that comes in, pod templates included. Idempotent. The reference gives a Job without
labels those of its template, and both are one map: labels that creation adds to the template are then labels of the Job as well.
Here too they are one dict within the draft until `wherry.rules.kinds.jobs` has prepared it.
Source: pkg/apis/batch/v1/{defaults,zz_generated.defaults}.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.schema.defaults.workloads import default_template, fill

_MAX_INT32 = 2**31 - 1


def default_job(draft: Obj) -> None:
    fill(draft, spec={})
    spec = draft["spec"]
    default_template(spec)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    per_index = spec.get("backoffLimitPerIndex") is not None
    replacement = "Failed" if spec.get("podFailurePolicy") is not None else "TerminatingOrFailed"
    fill(
        spec,
        parallelism=1,
        backoffLimit=_MAX_INT32 if per_index else 6,
        completionMode="NonIndexed",
        suspend=False,
        podReplacementPolicy=replacement,
        manualSelector=False,
    )
    labels = spec["template"]["metadata"].get("labels")
    if labels is not None and not draft["metadata"].get("labels"):
        draft["metadata"]["labels"] = labels
    _failure_conditions(spec)
    fill(draft, status={})


def _failure_conditions(spec: Obj) -> None:
    """A pod condition that a failure policy names must hold."""
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"


def default_cron_job(draft: Obj) -> None:
    """The Job inside gets the defaults of its pods only; the rest come when a Job is made of it."""
    fill(draft, spec={})
    spec = draft["spec"]
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    fill(spec, suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1, jobTemplate={})
    fill(spec["jobTemplate"], metadata={}, spec={})
    job = spec["jobTemplate"]["spec"]
    default_template(job)
    _failure_conditions(job)
    fill(draft, status={})
