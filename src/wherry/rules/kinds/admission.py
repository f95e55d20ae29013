"""Strategies of the admissionregistration.k8s.io kinds: webhook configurations, admission policies and their bindings.

Read by the registry through `STRATEGIES`; what they must be like is in `rules/schema/validation/admission_*.py`.
Source: pkg/apis/admissionregistration/v1/defaults.go, pkg/registry/admissionregistration/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj
from wherry.rules.admission.validation.policies import binding, mutating_policy, validating_policy
from wherry.rules.admission.validation.webhooks import configuration
from wherry.rules.objects.strategy import Strategy, keep_status


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


def _of_hooks(*, mutating: bool) -> Strategy:
    return Strategy(
        default=_default_hooks(mutating=mutating),
        validate=configuration(mutating=mutating),
        generation=True,
        tells_empty_from_none=("webhooks",),
        metadata="plain",
        revalidate="instead",
        unconditional_update=False,
    )


def _of_binding(*, actions: bool) -> Strategy:
    return Strategy(
        default=_default_binding,
        validate=binding(mutating=not actions),
        generation=True,
        metadata="plain",
        revalidate="instead",
        unconditional_update=False,
    )


_GROUP = "admissionregistration.k8s.io"

STRATEGIES: dict[str, Strategy] = {
    f"MutatingWebhookConfiguration.{_GROUP}": _of_hooks(mutating=True),
    f"ValidatingWebhookConfiguration.{_GROUP}": _of_hooks(mutating=False),
    f"ValidatingAdmissionPolicy.{_GROUP}": Strategy(
        default=_default_validating_policy,
        prepare_create=_reset_status,
        prepare_update=keep_status,
        validate=validating_policy,
        generation=True,
        metadata="plain", revalidate="instead", unconditional_update=False,
    ),
    f"MutatingAdmissionPolicy.{_GROUP}": Strategy(
        default=_default_policy,
        validate=mutating_policy,
        generation=True,
        metadata="plain",
        revalidate="instead",
        unconditional_update=False,
    ),
    f"ValidatingAdmissionPolicyBinding.{_GROUP}": _of_binding(actions=True),
    f"MutatingAdmissionPolicyBinding.{_GROUP}": _of_binding(actions=False),
}
