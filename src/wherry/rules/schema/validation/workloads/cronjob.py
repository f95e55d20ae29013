"""CronJobs: what is wrong with one, and with a change of it.

Called through the strategies in `wherry.rules.kinds.jobs`. A time zone inside the schedule is allowed only where it was before
(KEP-3140: `timeZone` says it).
Source: pkg/apis/batch/validation ValidateCronJobCreate, ValidateCronJobUpdate, validateCronJobSpec.
"""

from __future__ import annotations

import re

from wherry.api import time_zones
from wherry.api.field import Errors, child, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import length
from wherry.rules.schema.validation.workloads.jobs import job_spec
from wherry.rules.schema.validation.workloads.workloads import bad_selector, not_negative, spec_of
from wherry.rules.texts import cron_schedule

#: a Job's name is the CronJob's and eleven characters more
_NAME_LIMIT = 52
_CONCURRENCY = ("Allow", "Forbid", "Replace")
_is_zone_part = re.compile(r"[A-Za-z._0-9+-]{1,14}").fullmatch


def validate_cron_job(obj: Obj) -> Errors:
    name = obj["metadata"].get("name", "")
    errors = _spec(spec_of(obj), None)
    if length(name) > _NAME_LIMIT:
        errors.append(invalid("metadata.name", name, f"must be no more than {_NAME_LIMIT} characters"))
    return errors


def validate_cron_job_update(new: Obj, old: Obj) -> Errors:
    return _spec(spec_of(new), spec_of(old))


def _spec(spec: Obj, before: Obj | None) -> Errors:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if schedule:
        errors = _schedule(schedule, zone, had_zone=before is not None and "TZ" in before.get("schedule", ""))
    else:
        errors = [required("spec.schedule")]
    errors += not_negative(spec, ("startingDeadlineSeconds",), "spec")
    if zone is not None and (before is None or before.get("timeZone") != zone):
        errors += time_zone(zone, "spec.timeZone")
    errors += _concurrency(spec.get("concurrencyPolicy", ""), "spec.concurrencyPolicy")
    template_before = None if before is None else (before.get("jobTemplate") or {}).get("spec") or {}
    errors += _job_template(spec.get("jobTemplate") or {}, "spec.jobTemplate", template_before)
    return errors + not_negative(spec, ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"), "spec")


def _schedule(schedule: str, zone: str | None, *, had_zone: bool) -> Errors:
    path = "spec.schedule"
    errors: Errors = []
    try:
        cron_schedule.parse(schedule, time_zones.known)
    except ValueError as error:
        errors.append(invalid(path, schedule, str(error)))
    if "TZ" not in schedule:
        return errors
    if not had_zone:
        errors.append(invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"))
    elif zone is not None:
        errors.append(invalid(path, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule"))
    return errors


def time_zone(name: str, path: str) -> Errors:
    """The name of a zone in the IANA database."""
    if not name:
        return [invalid(path, name, "timeZone must be nil or non-empty string")]
    if not all(_is_zone_part(part) and part not in (".", "..") and part[0] != "-" for part in name.split("/")):
        return [invalid(path, name, f"unknown time zone {name}")]
    errors: Errors = []
    if name.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid(path, name, text))
    fault = cron_schedule.zone_fault(name, time_zones.known)
    return [*errors, invalid(path, name, fault)] if fault else errors


def _concurrency(policy: str, path: str) -> Errors:
    if not policy:
        return [required(path)]
    return [] if policy in _CONCURRENCY else [not_supported(path, policy, _CONCURRENCY)]


def _job_template(template: Obj, path: str, before: Obj | None) -> Errors:
    """Its selector is generated for each Job, so that it may not have one."""
    spec, at = template.get("spec") or {}, child(path, "spec")
    errors = job_spec(spec, at, before)
    if spec.get("selector") is not None:
        errors.append(bad_selector(spec["selector"], child(at, "selector"), "`selector` will be auto-generated"))
    if spec.get("manualSelector"):
        errors.append(not_supported(child(at, "manualSelector"), True, ("nil", "false")))
    return errors
