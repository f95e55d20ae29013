"""Jobs: what is wrong with one, and with a change of it. The template of a CronJob goes through `job_spec` as well.

Called through the strategies in `wherry.rules.kinds.jobs`, after the selector and the labels of the pods were generated there.
A suspended Job without pods may change what its pods need and where they may run; else the template is fixed (KEP-2926, KEP-5440).
Source: pkg/apis/batch/validation ValidateJob, ValidateJobUpdate; pkg/registry/batch/job/strategy.go validationOptionsForJob.
"""

from __future__ import annotations

from collections.abc import Mapping

from wherry.api.field import Errors, child, invalid, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, length
from wherry.rules.schema.validation.labels import label_selector
from wherry.rules.schema.validation.metadata import IMMUTABLE, validate_metadata
from wherry.rules.schema.validation.networking import domain_prefixed_path
from wherry.rules.schema.validation.pods.pod import validate_template
from wherry.rules.schema.validation.workloads import job_policies, job_template
from wherry.rules.schema.validation.workloads.workloads import (
    as_written,
    bad_selector,
    compiled,
    matches,
    not_negative,
    old_template,
    spec_of,
    template_labels,
)

JOB_NAME, CONTROLLER_UID = "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid"
OLD_JOB_NAME, OLD_CONTROLLER_UID = "job-name", "controller-uid"
_COUNTS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "backoffLimitPerIndex",
           "maxFailedIndexes")  # fmt: skip
#: above so many completions, with a limit per index, parallelism and failed indexes have a tighter limit
_MANY, _TIGHT = 100_000, 10_000
_MANAGED_BY = 63
_AT_MOST = "must be less than or equal to"


def validate_job(obj: Obj) -> Errors:
    return _job(obj, None)


def validate_job_update(new: Obj, old: Obj) -> Errors:
    """The reference looks at the whole Job, its name included, and then at the change and the spec once more."""
    spec, before = spec_of(new), spec_of(old)
    errors = validate_metadata(new, namespaced=True, name_rule="subdomain") + _job(new, before)
    errors += _whole_spec(spec, before) + _completions(spec, before)
    if spec.get("selector") != before.get("selector"):
        errors.append(bad_selector(spec.get("selector"), "spec.selector", IMMUTABLE))
    errors += job_template.changes(spec, old)
    return errors + _fixed(spec, before)


def _fixed(spec: Obj, before: Obj) -> Errors:
    errors: Errors = []
    for name in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        value = spec.get(name)
        if value != before.get(name):
            shown = job_policies.AS_HELD[name](value) if name in job_policies.AS_HELD else value
            errors.append(as_written(child("spec", name), shown, IMMUTABLE))
    return errors


def _completions(spec: Obj, before: Obj) -> Errors:
    """Only an Indexed Job changes in size, and only together with its parallelism."""
    now, was = spec.get("completions"), before.get("completions")
    if now == was:
        return []
    if spec.get("completionMode") != "Indexed":
        return [invalid("spec.completions", now, IMMUTABLE)]
    if now is None or now == spec.get("parallelism"):
        return []
    return [invalid("spec.completions", now, "can only be modified in tandem with spec.parallelism")]


def _job(obj: Obj, before: Obj | None) -> Errors:
    spec, name = spec_of(obj), obj["metadata"].get("name", "")
    errors = _generated_selector(obj, before) + _whole_spec(spec, before)
    if spec.get("completionMode") == "Indexed" and (spec.get("completions") or 0) > 0:
        host = f"{name}-{spec['completions'] - 1}"
        if dns1123_label(host):
            errors.append(invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {host}"))
    return errors


def _generated_selector(obj: Obj, before: Obj | None) -> Errors:
    """What was generated is as it should be: a creator may have set other labels. Old Jobs may lack the labels with a domain."""
    spec, meta = spec_of(obj), obj["metadata"]
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None:
        return []
    uid, name = meta.get("uid", ""), meta.get("name", "")
    errors = [] if uid else [required("metadata.uid")]
    expected = {OLD_CONTROLLER_UID: uid, OLD_JOB_NAME: name}
    if before is None or {JOB_NAME, CONTROLLER_UID} <= template_labels(before.get("template") or {}).keys():
        expected |= {CONTROLLER_UID: uid, JOB_NAME: name}
    labels = template_labels(spec.get("template") or {})
    for key, value in expected.items():
        errors += _has_label(labels, key, value)
    rule = compiled(selector)
    if rule is not None and not rule.matches(expected):
        errors.append(bad_selector(selector, "spec.selector", "`selector` not auto-generated"))
    return errors


def _has_label(labels: Mapping[str, str], key: str, value: str) -> Errors:
    path, text = f"spec.template.metadata.labels[{key}]", f"must be '{value}'"
    if key not in labels:
        return [required(path, text)]
    return [] if labels[key] == value else [invalid(path, dict(labels), text)]


def _whole_spec(spec: Obj, before: Obj | None) -> Errors:
    """The spec of a Job, selector included."""
    errors, selector = job_spec(spec, "spec", before), spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        had_bad = before is not None and bool(label_selector(before.get("selector"), ""))
        errors += label_selector(selector, "spec.selector", any_value=had_bad)
    rule = compiled(selector)
    return errors if rule is None else errors + matches(rule, spec.get("template") or {}, "spec.template")


def job_spec(spec: Obj, path: str, before: Obj | None) -> Errors:
    """The spec of a Job or of a CronJob's template, without its selector."""
    errors = not_negative(spec, _COUNTS, path)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(child(path, "backoffLimitPerIndex"), "when maxFailedIndexes is specified"))
    if (manager := spec.get("managedBy")) is not None:
        at = child(path, "managedBy")
        errors += domain_prefixed_path(manager, at) + ([too_long(at, _MANAGED_BY)] if length(manager) > _MANAGED_BY else [])
    errors += _mode(spec, path)
    if spec.get("podFailurePolicy") is not None:
        errors += job_policies.failure_policy(spec, child(path, "podFailurePolicy"))
    if (policy := spec.get("successPolicy")) is not None:
        at = child(path, "successPolicy")
        if spec.get("completionMode") == "Indexed":
            errors += job_policies.success_policy(spec, at)
        else:
            errors.append(as_written(at, job_policies.success_as_held(policy), "requires indexed completion mode"))
    errors += job_policies.replacement_policy(spec, child(path, "podReplacementPolicy"))
    errors += validate_template(spec.get("template") or {}, child(path, "template"), old_template(before))
    return errors + _restart_policy(spec, child(path, "template", "spec", "restartPolicy"))


def _mode(spec: Obj, path: str) -> Errors:
    mode = spec.get("completionMode")
    errors: Errors = []
    if mode not in (None, "NonIndexed", "Indexed"):
        errors.append(not_supported(child(path, "completionMode"), mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed":
        return errors + _indexed(spec, path)
    if mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                errors.append(invalid(child(path, name), spec[name], "requires indexed completion mode"))
    return errors


def _indexed(spec: Obj, path: str) -> Errors:
    completions, parallelism, failed = (spec.get(n) for n in ("completions", "parallelism", "maxFailedIndexes"))
    parallel_at, failed_at = child(path, "parallelism"), child(path, "maxFailedIndexes")
    errors: Errors = []
    if completions is None:
        errors.append(required(child(path, "completions"), "when completion mode is Indexed"))
    if parallelism is not None and parallelism > _MANY:
        errors.append(invalid(parallel_at, parallelism, f"{_AT_MOST} {_MANY} when completion mode is Indexed"))
    if completions is not None and failed is not None and failed > completions:
        errors.append(invalid(failed_at, failed, f"{_AT_MOST} completions"))
    if failed is not None and failed > _MANY:
        errors.append(invalid(failed_at, failed, f"{_AT_MOST} {_MANY}"))
    if completions is None or completions <= _MANY or spec.get("backoffLimitPerIndex") is None:
        return errors
    if failed is None:
        errors.append(required(failed_at, f"must be specified when completions is above {_MANY}"))
    why = f"{_AT_MOST} {_TIGHT} when completions are above {_MANY} and used with backoff limit per index"
    if parallelism is not None and parallelism > _TIGHT:
        errors.append(invalid(parallel_at, parallelism, why))
    return [*errors, invalid(failed_at, failed, why)] if failed is not None and failed > _TIGHT else errors


def _restart_policy(spec: Obj, path: str) -> Errors:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy", "")
    if policy in ("", "Always"):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(path, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []
