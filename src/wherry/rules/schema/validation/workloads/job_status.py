"""The status of a Job: which changes of it make sense.

Called through the strategy in `wherry.rules.kinds.jobs` on writes of `/status`. Rules about one part apply only when that part changes,
so that a status with an old fault can still be written.
Source: pkg/apis/batch/validation validateJobStatus, ValidateJobStatusUpdate; pkg/registry/batch/job/strategy.go (KEP-4368).
"""

from __future__ import annotations

from wherry.api.field import Errors, duplicate, index, invalid, required
from wherry.api.objects import Obj
from wherry.api.timestamps import parse
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.workloads import job_indexes
from wherry.rules.schema.validation.workloads.job_policies import without_value
from wherry.rules.schema.validation.workloads.workloads import as_written, not_negative, spec_of, status_of

_CONDITIONS = "status.conditions"
_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")


def _none() -> Errors:
    return []


class _State:
    """One status, read once."""

    def __init__(self, job: Obj) -> None:
        status = status_of(job)
        self.spec, self.status = spec_of(job), status
        self.true = {c.get("type") for c in status.get("conditions") or () if c.get("status") == "True"}
        self.false = {c.get("type") for c in status.get("conditions") or () if c.get("status") == "False"}
        self.finished = bool(self.true & {"Complete", "Failed"})
        self.completions = self.spec.get("completions")

    def count(self, name: str) -> int:
        return int(self.status.get(name) or 0)


class _Change:
    def __init__(self, new: _State, old: _State) -> None:
        self.new, self.old = new, old

    def field(self, *names: str) -> bool:
        return any((self.new.status.get(n) or None) != (self.old.status.get(n) or None) for n in names)

    def condition(self, *types: str) -> bool:
        return any((t in self.new.true) != (t in self.old.true) for t in types)

    @property
    def end(self) -> bool:
        return self.new.finished != self.old.finished


def validate_job_status(new: Obj, old: Obj) -> Errors:
    change = _Change(_State(new), _State(old))
    errors = not_negative(change.new.status, _COUNTS, "status") + _uncounted(change.new.status.get("uncountedTerminatedPods") or {})
    errors += _failed_and_complete(change) + _completion_time(change) + _reasons(change)
    errors += _at_the_end(change) + _indexes(change) + _late_counts(change) + _success(change.new)
    return errors + _transition(change)


def _uncounted(pods: Obj) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for part in ("succeeded", "failed"):
        for i, uid in enumerate(pods.get(part) or ()):
            at = index(f"status.uncountedTerminatedPods.{part}", i)
            if not uid:
                errors.append(invalid(at, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(at, uid))
            seen.add(uid)
    return errors


def _failed_and_complete(change: _Change) -> Errors:
    true, errors = change.new.true, _none()
    if change.condition("Complete", "Failed") and {"Complete", "Failed"} <= true:
        errors.append(without_value(_CONDITIONS, "cannot set Complete=True and Failed=true conditions"))
    if change.condition("Complete", "FailureTarget") and {"Complete", "FailureTarget"} <= true:
        errors.append(without_value(_CONDITIONS, "cannot set Complete=True and FailureTarget=true conditions"))
    return errors


def _completion_time(change: _Change) -> Errors:
    status, complete, path = change.new.status, "Complete" in change.new.true, "status.completionTime"
    end, start = status.get("completionTime"), status.get("startTime")
    errors: Errors = []
    if change.condition("Complete") or change.field("completionTime"):
        if end and not complete:
            errors.append(invalid(path, end, "cannot set completionTime when there is no Complete=True condition"))
        if not end and complete:
            errors.append(required(path, "completionTime is required for Complete jobs"))
    if change.field("startTime", "completionTime") and start and end and parse(end) < parse(start):
        errors.append(invalid(path, end, "must be equal to or after `startTime`"))
    return errors


def _reasons(change: _Change) -> Errors:
    """A Job fails or completes only after it was marked to."""
    true, errors = change.new.true, _none()
    if (change.condition("Failed") or change.field("failedIndexes")) and "Failed" in true and "FailureTarget" not in true:
        errors.append(without_value(_CONDITIONS, "cannot set Failed=True condition without the FailureTarget=true condition"))
    if change.condition("Complete", "SuccessCriteriaMet") and "Complete" in true and "SuccessCriteriaMet" not in true:
        errors.append(without_value(_CONDITIONS, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"))
    return errors


def _at_the_end(change: _Change) -> Errors:
    new, status = change.new, change.new.status
    if not new.finished:
        return []
    errors: Errors = []
    if (change.end or change.field("active")) and new.count("active") > 0:
        errors.append(invalid("status.active", new.count("active"), "active>0 is invalid for finished job"))
    never_ran = bool(new.spec.get("suspend")) and new.completions == 0
    if (change.end or change.field("startTime")) and not never_ran and not status.get("startTime"):
        errors.append(required("status.startTime", "startTime is required for finished job"))
    pods = status.get("uncountedTerminatedPods") or {}
    if (change.end or change.field("uncountedTerminatedPods")) and (pods.get("failed") or pods.get("succeeded")):
        held = {"Succeeded": pods.get("succeeded"), "Failed": pods.get("failed")}
        errors.append(as_written("status.uncountedTerminatedPods", held, "must be empty for finished job"))
    return errors


def _indexes(change: _Change) -> Errors:
    new = change.new
    completed, failed, total = new.status.get("completedIndexes") or "", new.status.get("failedIndexes"), new.completions
    per_index = new.spec.get("backoffLimitPerIndex") is not None
    new_completed, new_failed = change.field("completedIndexes"), change.field("failedIndexes")
    errors: Errors = []
    if new_completed and total is not None:
        errors += _readable("completedIndexes", completed, total)
    if new_failed and total is not None and per_index and failed is not None:
        errors += _readable("failedIndexes", failed, total)
    if new_completed and completed and new.spec.get("completionMode") != "Indexed":
        text = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid("status.completedIndexes", completed, text))
    if new_failed and not per_index and failed is not None:
        errors.append(invalid("status.failedIndexes", failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null"))
    if (new_failed or new_completed) and total is not None and failed is not None:
        both = job_indexes.overlap(completed, failed, total)
        if both is not None:
            errors.append(invalid("status.failedIndexes", failed, f"failedIndexes and completedIndexes overlap at index: {both}"))
    return errors


def _readable(name: str, text: str, completions: int) -> Errors:
    try:
        job_indexes.total(text, completions)
    except ValueError as error:
        return [invalid(f"status.{name}", text, f"error parsing {name}: {error}")]
    return []


def _late_counts(change: _Change) -> Errors:
    new, errors = change.new, _none()
    if (change.end or change.field("terminating")) and new.finished and new.count("terminating") > 0:
        errors.append(invalid("status.terminating", new.count("terminating"), "terminating>0 is invalid for finished job"))
    if change.field("ready", "active") and new.count("ready") > new.count("active"):
        errors.append(invalid("status.ready", new.count("ready"), "cannot set more ready pods than active"))
    return errors


def _success(new: _State) -> Errors:
    met, errors = "SuccessCriteriaMet" in new.true, _none()
    for other in ("Failed", "FailureTarget"):
        if met and other in new.true:
            errors.append(without_value(_CONDITIONS, f"cannot set SuccessCriteriaMet=True and {other}=true conditions"))
    if new.spec.get("successPolicy") is not None and not met and "Complete" in new.true:
        text = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        errors.append(without_value(_CONDITIONS, text))
    return errors


def _transition(change: _Change) -> Errors:
    """What was final stays, and what counts only grows."""
    new, old, errors = change.new, change.old, _none()
    for kind in ("Failed", "Complete", "FailureTarget"):
        if kind in old.true and kind not in new.true:
            errors.append(without_value(_CONDITIONS, f"cannot disable the terminal {kind}=True condition"))
    if new.count("failed") < old.count("failed"):
        errors.append(invalid("status.failed", new.count("failed"), "cannot decrease the failed counter"))
    elastic = new.spec.get("completionMode") == "Indexed" and new.completions == new.spec.get("parallelism")
    if not elastic and new.count("succeeded") < old.count("succeeded"):
        errors.append(invalid("status.succeeded", new.count("succeeded"), "cannot decrease the succeeded counter"))
    errors += _times(change)
    if "SuccessCriteriaMet" in old.true and "SuccessCriteriaMet" not in new.true:
        errors.append(without_value(_CONDITIONS, "cannot disable the SuccessCriteriaMet=True condition"))
    if "Complete" in old.true and change.condition("SuccessCriteriaMet") and "SuccessCriteriaMet" in new.true:
        text = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(without_value(_CONDITIONS, text))
    return errors


def _times(change: _Change) -> Errors:
    new, old, errors = change.new.status, change.old.status, _none()
    if new.get("completionTime") and old.get("completionTime") and change.field("completionTime"):
        errors.append(invalid("status.completionTime", new["completionTime"], IMMUTABLE))
    resuming = "Suspended" in change.old.true and "Suspended" in change.new.false
    if old.get("startTime") and change.field("startTime") and not resuming and not change.new.spec.get("suspend"):
        text = "field is immutable for unsuspended job once set"
        errors.append(invalid("status.startTime", new.get("startTime"), text))
    return errors
