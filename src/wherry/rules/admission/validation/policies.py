"""Admission policies and their bindings, each as a whole.

Source: pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.field import Errors, child, duplicate, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.admission.validation import expressions
from wherry.rules.admission.validation.rules import match_resources, one_of, param_kind, param_ref
from wherry.rules.objects.names import dns1123_subdomain

_ACTIONS = ("Audit", "Deny", "Warn")
_NOTHING = "validations or auditAnnotations must contain at least one item"


def validating_policy(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    errors = _common(spec, mutating=False)
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    scope = expressions.scope_of(spec, variables=bool(spec.get("variables")))
    errors += expressions.match_conditions(spec.get("matchConditions") or [], scope, "spec.matchConditions")
    errors += expressions.variables(spec.get("variables") or [], scope, "spec.variables")
    if not validations and not annotations:
        return [*errors, required("spec.validations", _NOTHING), required("spec.auditAnnotations", _NOTHING)]
    for i, each in enumerate(validations):
        errors += expressions.validation(each, scope, index("spec.validations", i))
    name = (obj.get("metadata") or {}).get("name") or ""
    return errors + expressions.audit_annotations(annotations, name, scope, "spec.auditAnnotations")


def mutating_policy(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    errors = _common(spec, mutating=True)
    scope = expressions.scope_of(spec, variables=True)
    errors += expressions.match_conditions(spec.get("matchConditions") or [], scope, "spec.matchConditions")
    errors += expressions.variables(spec.get("variables") or [], scope, "spec.variables")
    if not spec.get("mutations"):
        errors.append(required("spec.mutations", "mutations must contain at least one item"))
    for i, each in enumerate(spec.get("mutations") or ()):
        errors += expressions.mutation(each, scope, index("spec.mutations", i))
    again = spec.get("reinvocationPolicy")
    return errors + (one_of(again, ("IfNeeded", "Never"), "spec.reinvocationPolicy") if again else [required("spec.reinvocationPolicy")])


def _common(spec: Obj, *, mutating: bool) -> Errors:
    policy = spec.get("failurePolicy")
    errors = one_of(policy, ("Fail", "Ignore"), "spec.failurePolicy") if policy is not None else [required("spec.failurePolicy")]
    errors += param_kind(spec.get("paramKind"), "spec.paramKind")
    match = spec.get("matchConstraints")
    if match is None:
        return [*errors, required("spec.matchConstraints")]
    rules = match.get("resourceRules")
    missing = [] if rules else [required("spec.matchConstraints.resourceRules")]
    found = match_resources(match, "spec.matchConstraints", mutating=mutating)
    return errors + found + missing


def binding(*, mutating: bool) -> Callable[[Obj], Errors]:
    def validate(obj: Obj) -> Errors:
        spec = obj.get("spec") or {}
        name = spec.get("policyName") or ""
        errors = [invalid("spec.policyName", name, m) for m in dns1123_subdomain(name)] if name else [required("spec.policyName")]
        errors += param_ref(spec.get("paramRef"), "spec.paramRef")
        errors += match_resources(spec.get("matchResources"), "spec.matchResources", mutating=mutating)
        return errors if mutating else errors + _actions(spec.get("validationActions") or [], child("spec", "validationActions"))

    return validate


def _actions(given: list[str], path: str) -> Errors:
    errors: Errors = [] if given else [required(path, "at least one validation action is required")]
    errors += [not_supported(index(path, i), a, _ACTIONS) for i, a in enumerate(given) if a not in _ACTIONS]
    errors += [duplicate(index(path, i), a) for i, a in enumerate(given) if a in given[:i]]
    if "Deny" in given and "Warn" in given:
        text = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API response and "
            "headers serves no purpose)"
        )
        errors.append(invalid(path, given, text))
    return errors
