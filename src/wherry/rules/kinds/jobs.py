"""The strategies of Jobs and CronJobs.

Joined into `wherry.rules.kinds.workloads.STRATEGIES`. A new Job selects its pods by its own uid, unless its creator says that the
selector is theirs: the labels come here, and `validation.jobs` refuses what contradicts them. Deleting a Job leaves its pods unless
the request says otherwise, as it always was.
Source: pkg/registry/batch/{job,cronjob}/strategy.go, pkg/api/job/warnings.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.kinds.pod_owners import name_warnings, respecified, without_gated
from wherry.rules.objects.strategy import Strategy, keep_status
from wherry.rules.pods.warnings import template_warnings
from wherry.rules.schema.defaults.jobs import default_cron_job, default_job
from wherry.rules.schema.validation.workloads.cronjob import validate_cron_job, validate_cron_job_update
from wherry.rules.schema.validation.workloads.job_status import validate_job_status
from wherry.rules.schema.validation.workloads.jobs import (
    CONTROLLER_UID,
    JOB_NAME,
    OLD_CONTROLLER_UID,
    OLD_JOB_NAME,
    validate_job,
    validate_job_update,
)

_MANY_COMPLETIONS, _MANY_PODS = 100_000, 10_000


def _new_job(draft: Obj) -> None:
    """Labels of the template that a Job without own ones shares with it get what is generated too (see `defaults.jobs`)."""
    meta, spec = draft["metadata"], draft["spec"]
    template = spec["template"]["metadata"]
    given, labels = template.get("labels"), meta.get("labels")
    if not spec.get("manualSelector"):
        _generate_selector(spec, template, meta.get("name", ""), meta["uid"])
    if labels is not None and labels is given:
        meta["labels"] = dict(template["labels"])
    draft["status"] = {}


def _label_job(draft: Obj) -> None:
    """Once it is stored, defaults give a Job without labels those of its template, generated ones included."""
    labels = (draft["spec"]["template"].get("metadata") or {}).get("labels")
    if labels and not draft["metadata"].get("labels"):
        draft["metadata"]["labels"] = dict(labels)


def _generate_selector(spec: Obj, template: Obj, name: str, uid: str) -> None:
    generated = {OLD_JOB_NAME: name, JOB_NAME: name, OLD_CONTROLLER_UID: uid, CONTROLLER_UID: uid}
    template["labels"] = {**generated, **(template.get("labels") or {})}
    selector = spec.get("selector") or {}
    spec["selector"] = {**selector, "matchLabels": {CONTROLLER_UID: uid, **(selector.get("matchLabels") or {})}}


def _spec_warnings(spec: Obj, path: str) -> list[str]:
    completions, parallelism = spec.get("completions") or 0, spec.get("parallelism") or 0
    found = []
    if spec.get("completionMode") == "Indexed" and completions > _MANY_COMPLETIONS and parallelism > _MANY_PODS:
        found.append(
            f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, "
            "Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
    return found + template_warnings(spec.get("template") or {}, f"{path}.template")


def _job_warnings(new: Obj, old: Obj | None) -> list[str]:
    if old is not None and not respecified(new, old):
        return []
    return ([] if old is not None else name_warnings(new)) + _spec_warnings(new["spec"], "spec")


def _new_cron_job(draft: Obj) -> None:
    draft["status"] = {}


def _cron_job_warnings(new: Obj, old: Obj | None) -> list[str]:
    spec, path = new["spec"], "spec.jobTemplate.spec"
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    if old is None:
        return name_warnings(new) + _spec_warnings(job, path)
    found = _spec_warnings(job, path) if respecified(new, old) else []
    if "TZ" in spec.get("schedule", ""):
        found.append(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, "
            "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
    return found


_STRATEGIES: dict[str, Strategy] = {
    "Job.batch": Strategy(
        default=default_job,
        prepare_create=_new_job,
        canonicalize=_label_job,
        prepare_update=keep_status,
        validate=validate_job,
        validate_update=validate_job_update,
        validate_status=validate_job_status,
        warnings=_job_warnings,
        generation=True,
        default_propagation="Orphan",
        fields={"status.successful": lambda o: str((o.get("status") or {}).get("succeeded", 0))},
    ),
    "CronJob.batch": Strategy(
        default=default_cron_job,
        prepare_create=_new_cron_job,
        prepare_update=keep_status,
        validate=validate_cron_job,
        validate_update=validate_cron_job_update,
        warnings=_cron_job_warnings,
        generation=True,
    ),
}

#: where the template of a kind is
_TEMPLATES = {
    "Job.batch": ("spec",),
    "CronJob.batch": ("spec", "jobTemplate", "spec",),
}

STRATEGIES: dict[str, Strategy] = {
    kind: without_gated(strategy, *_TEMPLATES[kind]) if kind in _TEMPLATES else strategy for kind, strategy in _STRATEGIES.items()
}
