"""StatefulSets: what is wrong with one, with a change of it, and with its status.

Called through the strategies in `wherry.rules.kinds.workloads`. A stored StatefulSet whose spec would be refused today may still be
changed: its pod template is then not looked at.
Source: pkg/apis/apps/validation ValidateStatefulSetSpec, ValidateStatefulSetUpdate, ValidateStatefulSetStatus.
"""

from __future__ import annotations

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label
from wherry.rules.schema.validation.labels import annotation_map, labels
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE
from wherry.rules.schema.validation.pods.pod import validate_template
from wherry.rules.schema.validation.volumes import validate_claim
from wherry.rules.schema.validation.workloads.workloads import (
    amount,
    as_written,
    at_most_all,
    bad_selector,
    below_total,
    collisions,
    compiled,
    matches,
    not_negative,
    required_selector,
    share,
    spec_of,
    status_of,
)

#: what an update may change
_MUTABLE = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds")  # fmt: skip
_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_PARTS = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")


def validate_stateful_set(obj: Obj) -> Errors:
    return _spec(spec_of(obj), None, new=True)


def validate_stateful_set_update(new: Obj, old: Obj) -> Errors:
    spec, before = spec_of(new), spec_of(old)
    errors = _spec(spec, before)
    if errors and _spec(before, None):
        errors = _spec(spec, before, with_template=False)
    changed = any((spec.get(k) or None) != (before.get(k) or None) for k in {*spec, *before} if k not in _MUTABLE)
    return [*errors, forbidden("spec", _FIXED)] if changed else errors


def _spec(spec: Obj, before: Obj | None, *, new: bool = False, with_template: bool = True) -> Errors:
    """Claims and service name never change, so only a `new` spec has them looked at; `before` spares a template that stayed as it was."""
    errors = _management(spec.get("podManagementPolicy", "")) + _strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    errors += _retention(spec.get("persistentVolumeClaimRetentionPolicy") or {})
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or () if new else ()):
        errors += _claim(claim, index("spec.volumeClaimTemplates", i))
    errors += not_negative(spec, ("replicas", "minReadySeconds"), "spec")
    errors += not_negative(spec.get("ordinals") or {}, ("start",), "spec.ordinals")
    if new and (service := spec.get("serviceName")):
        errors += [invalid("spec.serviceName", service, m) for m in dns1123_label(service)]
    errors += required_selector(spec.get("selector"), "spec.selector", "statefulset")
    return errors + _template(spec, before, with_template=with_template)


def _management(policy: str) -> Errors:
    path = "spec.podManagementPolicy"
    if not policy:
        return [required(path)]
    known = policy in ("OrderedReady", "Parallel")
    return [] if known else [invalid(path, policy, "must be 'OrderedReady' or 'Parallel'")]


def _strategy(strategy: Obj, path: str) -> Errors:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    held = None if rolling is None else {"Partition": rolling.get("partition", 0), "MaxUnavailable": rolling.get("maxUnavailable")}
    at = child(path, "rollingUpdate")
    if not kind:
        return [required(path)]
    if kind == "OnDelete":
        return [] if rolling is None else [as_written(at, held, "only allowed for updateStrategy 'RollingUpdate'")]
    if kind != "RollingUpdate":
        return [as_written(path, {"Type": kind, "RollingUpdate": held}, "must be 'RollingUpdate' or 'OnDelete'")]
    return [] if rolling is None else _rolling(rolling, at)


def _rolling(rolling: Obj, path: str) -> Errors:
    errors: Errors = []
    if (rolling.get("partition") or 0) < 0:
        errors.append(invalid(child(path, "partition"), rolling["partition"], NOT_NEGATIVE))
    unavailable, at = rolling.get("maxUnavailable"), child(path, "maxUnavailable")
    if unavailable is None:
        return errors
    errors += share(unavailable, at)
    if amount(unavailable) == 0:
        errors.append(invalid(at, unavailable, "cannot be 0"))
    return errors + at_most_all(unavailable, at)


def _retention(policy: Obj) -> Errors:
    path, known = "spec.persistentVolumeClaimRetentionPolicy", ("Retain", "Delete")
    return [not_supported(child(path, k), policy[k], known) for k in ("whenDeleted", "whenScaled") if policy.get(k, "Retain") not in known]


def _claim(claim: Obj, path: str) -> Errors:
    """The causes of the claim, which start at its own `spec`, under its path here."""
    return [Cause(c.reason, c.message, child(path, c.field)) for c in validate_claim(claim)]


def _template(spec: Obj, before: Obj | None, *, with_template: bool) -> Errors:
    """The reference says twice what is wrong with the labels and annotations of the template."""
    path, template, selector = "spec.template", spec.get("template") or {}, compiled(spec.get("selector"))
    errors: Errors = []
    if selector is None:
        errors.append(bad_selector(spec.get("selector"), "spec.selector", ""))
    else:
        errors += [] if selector.empty else matches(selector, template, path)
        if with_template:
            was = None if before is None else _as_made(before, before.get("template") or {})
            errors += validate_template(_as_made(spec, template), path, was)
        meta = template.get("metadata") or {}
        errors += labels(meta.get("labels"), child(path, "labels")) + annotation_map(meta.get("annotations"), child(path, "annotations"))
    pod = template.get("spec") or {}
    if pod.get("restartPolicy", "") != "Always":
        errors.append(not_supported(child(path, "spec", "restartPolicy"), pod.get("restartPolicy", ""), ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in StatefulSet is not Supported"
        errors.append(forbidden(child(path, "spec", "activeDeadlineSeconds"), text))
    return errors


def _as_made(spec: Obj, template: Obj) -> Obj:
    """The template as the controller will use it: without hostname and subdomain, which it writes itself, and with a volume per claim."""
    pod = template.get("spec") or {}
    claims = [(c.get("metadata") or {}).get("name", "") for c in spec.get("volumeClaimTemplates") or ()]
    if not claims and not pod.get("subdomain") and not pod.get("hostname"):
        return template
    made = {k: v for k, v in pod.items() if k not in ("subdomain", "hostname")}
    if claims:
        kept = [v for v in pod.get("volumes") or () if v.get("name", "") not in claims]
        made["volumes"] = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in dict.fromkeys(claims)] + kept
    return {**template, "spec": made}


def validate_stateful_set_status(new: Obj, old: Obj) -> Errors:
    status = status_of(new)
    errors = not_negative(status, ("replicas", *_PARTS, "observedGeneration", "collisionCount"), "status")
    errors += below_total(status, _PARTS, "status.readyReplicas")
    return errors + collisions(status, status_of(old))
