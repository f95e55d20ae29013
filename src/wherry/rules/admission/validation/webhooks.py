"""Webhook configurations: every webhook of one, and that their names differ.

Source: pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.field import Errors, child, duplicate, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.admission.validation import expressions
from wherry.rules.admission.validation.rules import one_of, rule_with_operations
from wherry.rules.objects.names import dns1035_label, dns1123_subdomain
from wherry.rules.schema.validation.labels import label_selector
from wherry.rules.schema.validation.webhook_clients import client_config

_REVIEWS = ("v1", "v1beta1")
_EFFECTS = ("None", "NoneOnDryRun")


def configuration(*, mutating: bool) -> Callable[[Obj], Errors]:
    def validate(obj: Obj) -> Errors:
        errors: Errors = []
        seen: set[str] = set()
        for i, hook in enumerate(obj.get("webhooks") or ()):
            path, name = index("webhooks", i), hook.get("name") or ""
            errors += _hook(hook, name, path, mutating=mutating)
            errors += _review_versions(hook.get("admissionReviewVersions") or [], child(path, "admissionReviewVersions"))
            if name and name in seen:
                errors.append(duplicate(child(path, "name"), name))
            seen.add(name)
        return errors

    return validate


def _fully_qualified(name: str, path: str) -> Errors:
    if not name:
        return [required(path)]
    if messages := dns1123_subdomain(name):
        return [invalid(path, name, ",".join(messages))]
    return [] if name.count(".") >= 2 else [invalid(path, name, "should be a domain with at least three segments separated by dots")]


def _hook(hook: Obj, name: str, path: str, *, mutating: bool) -> Errors:
    errors = _fully_qualified(name, child(path, "name"))
    for i, rule in enumerate(hook.get("rules") or ()):
        errors += rule_with_operations(rule, index(child(path, "rules"), i))
    errors += one_of(hook.get("failurePolicy"), ("Fail", "Ignore"), child(path, "failurePolicy"))
    errors += one_of(hook.get("matchPolicy"), ("Equivalent", "Exact"), child(path, "matchPolicy"))
    effects = hook.get("sideEffects")
    if effects is None:
        errors.append(required(child(path, "sideEffects"), f"must specify one of {', '.join(_EFFECTS)}"))
    elif effects not in _EFFECTS:
        errors.append(not_supported(child(path, "sideEffects"), effects, _EFFECTS))
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        errors.append(invalid(child(path, "timeoutSeconds"), seconds, "the timeout value must be between 1 and 30 seconds"))
    for part in ("namespaceSelector", "objectSelector"):
        errors += label_selector(hook.get(part), child(path, part))
    if mutating:
        errors += one_of(hook.get("reinvocationPolicy"), ("IfNeeded", "Never"), child(path, "reinvocationPolicy"))
    errors += client_config(hook.get("clientConfig") or {}, child(path, "clientConfig"))
    conditions = hook.get("matchConditions") or []
    if conditions:
        errors += expressions.match_conditions(conditions, expressions.scope_of({}, variables=False), child(path, "matchConditions"))
    return errors


def _review_versions(versions: list[str], path: str) -> Errors:
    if not versions:
        return [required(path, f"must specify one of {', '.join(_REVIEWS)}")]
    errors: Errors = []
    for i, version in enumerate(versions):
        if version in versions[:i]:
            errors.append(invalid(index(path, i), version, "duplicate version"))
        else:
            errors += [invalid(index(path, i), version, message) for message in dns1035_label(version)]
    if not any(v in _REVIEWS for v in versions):
        errors.append(invalid(path, versions, f"must include at least one of {', '.join(_REVIEWS)}"))
    return errors
