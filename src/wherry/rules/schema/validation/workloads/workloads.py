"""What the workloads share: selectors that fit their templates, shares, counts in status; ReplicationController, ReplicaSet,
PodTemplate and ControllerRevision.

Called through the strategies in `wherry.rules.kinds.workloads`. Each function gives all errors of one part; none changes what it reads.
Source: pkg/apis/apps/validation, pkg/apis/core/validation ValidateReplicationController*, ValidatePodTemplate*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wherry.api import int_or_percent
from wherry.api.errors import BadRequest, Cause
from wherry.api.field import Errors, child, forbidden, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects import selectors
from wherry.rules.objects.names import percent
from wherry.rules.objects.selectors import Selector
from wherry.rules.schema.validation.labels import label_selector
from wherry.rules.schema.validation.metadata import IMMUTABLE, NOT_NEGATIVE, validate_metadata
from wherry.rules.schema.validation.pods.pod import validate_template
from wherry.rules.texts.go_values import in_given_order

MISMATCH = "`selector` does not match template `labels`"
MORE_THAN_ALL = "must not be greater than 100%"
DECREMENTED = "cannot be decremented"
_ABOVE = "cannot be greater than status.replicas"


def spec_of(obj: Obj) -> Obj:
    return obj.get("spec") or {}


def status_of(obj: Obj) -> Obj:
    return obj.get("status") or {}


def not_negative(values: Mapping[str, Any], names: Iterable[str], path: str) -> Errors:
    """These numbers are absent or at least 0."""
    return [invalid(child(path, n), values[n], NOT_NEGATIVE) for n in names if (values.get(n) or 0) < 0]


def as_written(path: str, value: Any, detail: str) -> Cause:
    """An invalid value shown with its keys in the order given."""
    shown = f"Invalid value: {in_given_order(value)}"
    return Cause("FieldValueInvalid", f"{shown}: {detail}" if detail else shown, path)


def bad_selector(selector: Obj | None, path: str, detail: str) -> Cause:
    """A LabelSelector shown in the order of the reference's type."""
    if selector is None:
        return as_written(path, None, detail)
    shown: Obj = {}
    if labels := selector.get("matchLabels"):
        shown["matchLabels"] = dict(sorted(labels.items()))
    if expressions := selector.get("matchExpressions"):
        shown["matchExpressions"] = [_shown_expression(e) for e in expressions]
    return as_written(path, shown, detail)


def _shown_expression(expression: Obj) -> Obj:
    shown = {"key": expression.get("key", ""), "operator": expression.get("operator", "")}
    return {**shown, "values": expression["values"]} if expression.get("values") else shown


def is_empty(selector: Obj) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def compiled(selector: Obj | None) -> Selector | None:
    """The selector; None when it cannot be one."""
    try:
        return selectors.from_label_selector(selector)
    except BadRequest:
        return None


def required_selector(selector: Obj | None, path: str, kind: str) -> Errors:
    """It is there, well-formed and not empty."""
    if selector is None:
        return [required(path)]
    errors = label_selector(selector, path)
    return [*errors, bad_selector(selector, path, f"empty selector is invalid for {kind}")] if is_empty(selector) else errors


def same_selector(spec: Obj, before: Obj) -> Errors:
    if spec.get("selector") == before.get("selector"):
        return []
    return [bad_selector(spec.get("selector"), "spec.selector", IMMUTABLE)]


def template_labels(template: Obj) -> dict[str, str]:
    return (template.get("metadata") or {}).get("labels") or {}


def matches(selector: Selector, template: Obj, path: str) -> Errors:
    """The pods of the template will be selected."""
    labels = template_labels(template)
    return [] if selector.matches(labels) else [invalid(child(path, "metadata", "labels"), labels or None, MISMATCH)]


def always_restarted(template: Obj, path: str, kind: str) -> Errors:
    """Pods of these kinds are restarted without end."""
    spec = template.get("spec") or {}
    policy = spec.get("restartPolicy", "")
    errors = [] if policy == "Always" else [not_supported(child(path, "spec", "restartPolicy"), policy, ("Always",))]
    if spec.get("activeDeadlineSeconds") is not None:
        errors.append(forbidden(child(path, "spec", "activeDeadlineSeconds"), f"activeDeadlineSeconds in {kind} is not Supported"))
    return errors


def selected_template(spec: Obj, before: Obj | None) -> Errors:
    """The template of a ReplicaSet or Deployment, which its selector matches."""
    selector = compiled(spec.get("selector"))
    if selector is None:
        return [bad_selector(spec.get("selector"), "spec.selector", "invalid label selector")]
    template = spec.get("template") or {}
    errors = [] if selector.empty else matches(selector, template, "spec.template")
    errors += validate_template(template, "spec.template", old_template(before))
    return errors + always_restarted(template, "spec.template", "ReplicaSet")


def old_template(before: Obj | None) -> Obj | None:
    return None if before is None else before.get("template")


def share(value: int | str, path: str) -> Errors:
    """A number of at least 0 or a percentage."""
    if isinstance(value, int):
        return [invalid(path, value, NOT_NEGATIVE)] if value < 0 else []
    return [invalid(path, value, m) for m in percent(value)]


def at_most_all(value: int | str, path: str) -> Errors:
    part = int_or_percent.percent(value)
    return [invalid(path, value, MORE_THAN_ALL)] if part is not None and part > 100 else []


def amount(value: int | str) -> int:
    """The number or the number before `%`; a text that is neither counts as 0 when it is no number."""
    if isinstance(value, int):
        return value
    part = int_or_percent.percent(value)
    if part is not None:
        return part
    sign = value[1:] if value[:1] in ("+", "-") else value
    return int(value) if sign.isascii() and sign.isdigit() else 0


def collisions(status: Obj, before: Obj) -> Errors:
    """collisionCount never falls."""
    was, now = before.get("collisionCount"), status.get("collisionCount")
    fell = was is not None and (now is None or now < was)
    return [invalid("status.collisionCount", now or 0, DECREMENTED)] if fell else []


def below_total(status: Obj, names: Iterable[str], ready: str) -> Errors:
    """No part is more than all, and no more are available than ready. `ready` is how the message calls the latter."""
    replicas, available = status.get("replicas") or 0, status.get("availableReplicas") or 0
    errors = [invalid(child("status", n), status.get(n) or 0, _ABOVE) for n in names if (status.get(n) or 0) > replicas]
    if available > (status.get("readyReplicas") or 0):
        errors.append(invalid("status.availableReplicas", available, f"cannot be greater than {ready}"))
    return errors


def validate_replica_set(obj: Obj) -> Errors:
    return _replica_set(spec_of(obj), None)


def validate_replica_set_update(new: Obj, old: Obj) -> Errors:
    spec, before = spec_of(new), spec_of(old)
    return _replica_set(spec, before) + same_selector(spec, before)


def _replica_set(spec: Obj, before: Obj | None) -> Errors:
    errors = not_negative(spec, ("replicas", "minReadySeconds"), "spec")
    errors += required_selector(spec.get("selector"), "spec.selector", "deployment")
    return errors + selected_template(spec, before)


_PARTS = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")


def replica_status(new: Obj, old: Obj) -> Errors:
    """Of ReplicaSets and ReplicationControllers."""
    status = status_of(new)
    errors = not_negative(status, ("replicas", *_PARTS, "observedGeneration", "terminatingReplicas"), "status")
    return errors + below_total(status, _PARTS, "readyReplicas")


def validate_replication_controller(obj: Obj) -> Errors:
    return _replication_controller(spec_of(obj), None)


def validate_replication_controller_update(new: Obj, old: Obj) -> Errors:
    return _replication_controller(spec_of(new), spec_of(old))


def _replication_controller(spec: Obj, before: Obj | None) -> Errors:
    errors = not_negative(spec, ("minReadySeconds",), "spec")
    if not spec.get("selector"):
        errors.append(required("spec.selector"))
    errors += not_negative(spec, ("replicas",), "spec")
    template, path = spec.get("template"), "spec.template"
    if template is None:
        return [*errors, required(path)]
    errors += matches(selectors.from_map(spec.get("selector")), template, path)
    errors += validate_template(template, path, old_template(before))
    return errors + always_restarted(template, path, "ReplicationController")


def validate_pod_template(obj: Obj) -> Errors:
    return validate_template(obj.get("template") or {}, "template", None)


def validate_pod_template_update(new: Obj, old: Obj) -> Errors:
    return validate_template(new.get("template") or {}, "template", old.get("template"))


def validate_revision(obj: Obj) -> Errors:
    """A ControllerRevision holds an object."""
    errors = not_negative(obj, ("revision",), "")
    data = obj.get("data")
    if data is None:
        return [*errors, required("data", "data is mandatory")]
    return errors if isinstance(data, dict) else [*errors, required("data", "data must be a valid JSON object")]


def validate_revision_update(new: Obj, old: Obj) -> Errors:
    """What it holds never changes."""
    errors = validate_metadata(new, namespaced=True, name_rule="subdomain") + not_negative(new, ("revision",), "")
    return errors if new.get("data") == old.get("data") else [*errors, invalid("data", new.get("data"), IMMUTABLE)]
