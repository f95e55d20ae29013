"""Strategies of the admissionregistration.k8s.io kinds: webhook configurations, admission policies and their bindings.

Read by the registry through `STRATEGIES`. Not validated: CEL expressions, rules on resources and subresources beyond being there,
webhook URLs, selectors of policies.
Source: pkg/apis/admissionregistration/{v1/defaults.go,validation}, pkg/registry/admissionregistration/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.field import Errors, child, duplicate, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.strategy import Strategy, keep_status
from wherry.rules.validation.labels import label_selector
from wherry.rules.validation.names import dns1123_subdomain

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_ACTIONS = ("Audit", "Deny", "Warn")
_REVIEWS = ("v1", "v1beta1")


def _fill(target: Obj, **values: object) -> None:
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = value


def default_webhook(hook: Obj) -> None:
    _fill(hook, failurePolicy="Fail", matchPolicy="Equivalent", namespaceSelector={}, objectSelector={}, timeoutSeconds=10)
    for rule in hook.get("rules") or ():
        _fill(rule, scope="*")
    if service := (hook.get("clientConfig") or {}).get("service"):
        _fill(service, port=443)


def _default_hooks(*, mutating: bool) -> Callable[[Obj], None]:
    def default(draft: Obj) -> None:
        for hook in draft.get("webhooks") or ():
            default_webhook(hook)
            if mutating:
                _fill(hook, reinvocationPolicy="Never")

    return default


def _default_match(match: Obj | None) -> None:
    if match is None:
        return
    _fill(match, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
    for part in ("resourceRules", "excludeResourceRules"):
        for rule in match.get(part) or ():
            _fill(rule, scope="*")


def _default_policy(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    _fill(spec, failurePolicy="Fail")
    _default_match(spec.get("matchConstraints"))


def _default_validating_policy(draft: Obj) -> None:
    _default_policy(draft)
    draft.setdefault("status", {})


def _default_binding(draft: Obj) -> None:
    _default_match(draft.setdefault("spec", {}).get("matchResources"))


def _reset_status(draft: Obj) -> None:
    draft["status"] = {}


def _fully_qualified(name: str, path: str) -> Errors:
    if not name:
        return [required(path)]
    if messages := dns1123_subdomain(name):
        return [invalid(path, name, ",".join(messages))]
    return [] if name.count(".") >= 2 else [invalid(path, name, "should be a domain with at least three segments separated by dots")]


def _hooks(*, mutating: bool) -> Callable[[Obj], Errors]:
    def validate(obj: Obj) -> Errors:
        errors: Errors = []
        seen: set[str] = set()
        for i, hook in enumerate(obj.get("webhooks") or ()):
            path, name = index("webhooks", i), hook.get("name") or ""
            errors += _hook(hook, name, path)
            policy = hook.get("reinvocationPolicy")
            if mutating and policy is not None and policy not in ("IfNeeded", "Never"):
                errors.append(not_supported(child(path, "reinvocationPolicy"), policy, ("IfNeeded", "Never")))
            if name in seen:
                errors.append(duplicate(child(path, "name"), name))
            seen.add(name)
        return errors

    return validate


def _hook(hook: Obj, name: str, path: str) -> Errors:
    errors = _fully_qualified(name, child(path, "name"))
    for i, rule in enumerate(hook.get("rules") or ()):
        errors += _rule(rule, index(child(path, "rules"), i))
    for part, known in (("failurePolicy", ("Fail", "Ignore")), ("matchPolicy", ("Equivalent", "Exact"))):
        if (value := hook.get(part)) is not None and value not in known:
            errors.append(not_supported(child(path, part), value, known))
    effects, allowed = hook.get("sideEffects"), ("None", "NoneOnDryRun")
    if effects is None:
        errors.append(required(child(path, "sideEffects"), "must specify one of None, NoneOnDryRun"))
    elif effects not in allowed:
        errors.append(not_supported(child(path, "sideEffects"), effects, allowed))
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        errors.append(invalid(child(path, "timeoutSeconds"), seconds, "the timeout value must be between 1 and 30 seconds"))
    for part in ("namespaceSelector", "objectSelector"):
        errors += label_selector(hook.get(part), child(path, part))
    client = hook.get("clientConfig") or {}
    if (client.get("url") is None) == (client.get("service") is None):
        errors.append(required(child(path, "clientConfig"), "exactly one of url or service is required"))
    return errors + _review_versions(hook.get("admissionReviewVersions") or [], child(path, "admissionReviewVersions"))


def _review_versions(versions: list[str], path: str) -> Errors:
    if not versions:
        return [required(path, "must specify one of v1, v1beta1")]
    errors: Errors = [invalid(index(path, i), v, "duplicate version") for i, v in enumerate(versions) if v in versions[:i]]
    if not any(v in _REVIEWS for v in versions):
        errors.append(invalid(path, versions, "must include at least one of v1, v1beta1"))
    return errors


def _rule(rule: Obj, path: str) -> Errors:
    errors: Errors = []
    operations = rule.get("operations") or []
    if not operations:
        errors.append(required(child(path, "operations")))
    if len(operations) > 1 and "*" in operations:
        errors.append(invalid(child(path, "operations"), operations, "if '*' is present, must not specify other operations"))
    at = child(path, "operations")
    errors += [not_supported(index(at, i), o, _OPERATIONS) for i, o in enumerate(operations) if o not in _OPERATIONS]
    for part, what in (("apiGroups", "API groups"), ("apiVersions", "API versions"), ("resources", "")):
        values = rule.get(part) or []
        if not values:
            errors.append(required(child(path, part)))
        elif what and len(values) > 1 and "*" in values:
            errors.append(invalid(child(path, part), values, f"if '*' is present, must not specify other {what}"))
    scope, scopes = rule.get("scope"), ("*", "Cluster", "Namespaced")
    return errors if scope is None or scope in scopes else [*errors, not_supported(child(path, "scope"), scope, scopes)]


def _binding(*, actions: bool) -> Callable[[Obj], Errors]:
    def validate(obj: Obj) -> Errors:
        spec = obj.get("spec") or {}
        name, given = spec.get("policyName") or "", spec.get("validationActions") or []
        errors = [invalid("spec.policyName", name, m) for m in dns1123_subdomain(name)] if name else [required("spec.policyName")]
        if not actions:
            return errors
        if not given:
            errors.append(required("spec.validationActions", "at least one validation action is required"))
        path = "spec.validationActions"
        errors += [not_supported(index(path, i), a, _ACTIONS) for i, a in enumerate(given) if a not in _ACTIONS]
        errors += [duplicate(index(path, i), a) for i, a in enumerate(given) if a in given[:i]]
        if "Deny" in given and "Warn" in given:
            text = (
                "must not contain both Deny and Warn (repeating the same validation failure information in the API response and "
                "headers serves no purpose)"
            )
            errors.append(invalid(path, given, text))
        return errors

    return validate


def _policy(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    policy, match = spec.get("failurePolicy"), spec.get("matchConstraints")
    errors: Errors = []
    if policy is not None and policy not in ("Fail", "Ignore"):
        errors.append(not_supported("spec.failurePolicy", policy, ("Fail", "Ignore")))
    if match is None:
        return [*errors, required("spec.matchConstraints")]
    rules = match.get("resourceRules") or []
    if not rules:
        errors.append(required("spec.matchConstraints.resourceRules"))
    return errors + [e for i, rule in enumerate(rules) for e in _rule(rule, index("spec.matchConstraints.resourceRules", i))]


def _of_hooks(*, mutating: bool) -> Strategy:
    return Strategy(
        default=_default_hooks(mutating=mutating), validate=_hooks(mutating=mutating), generation=True, unconditional_update=False
    )


def _of_binding(*, actions: bool) -> Strategy:
    return Strategy(default=_default_binding, validate=_binding(actions=actions), generation=True, unconditional_update=False)


_GROUP = "admissionregistration.k8s.io"

STRATEGIES: dict[str, Strategy] = {
    f"MutatingWebhookConfiguration.{_GROUP}": _of_hooks(mutating=True),
    f"ValidatingWebhookConfiguration.{_GROUP}": _of_hooks(mutating=False),
    f"ValidatingAdmissionPolicy.{_GROUP}": Strategy(
        default=_default_validating_policy,
        prepare_create=_reset_status,
        prepare_update=keep_status,
        validate=_policy,
        generation=True,
        unconditional_update=False,
    ),
    f"MutatingAdmissionPolicy.{_GROUP}": Strategy(
        default=_default_policy, validate=_policy, generation=True, unconditional_update=False
    ),
    f"ValidatingAdmissionPolicyBinding.{_GROUP}": _of_binding(actions=True),
    f"MutatingAdmissionPolicyBinding.{_GROUP}": _of_binding(actions=False),
}
