"""A container's own restart policy and its rules by exit code.

Called by the rules of containers, for regular and init containers alike.
Source: pkg/apis/core/validation validateContainerRestartPolicy, validateInitContainerRestartPolicy; KEP-5307, KEP-5532, both on by
default in v1.36, so that every container may have any of the three policies.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, not_supported, required, too_many
from wherry.api.objects import Obj

_POLICIES = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart", "RestartAllContainers")
_OPERATORS = ("In", "NotIn")


def restarts(container: Obj, path: str, *, init: bool = False) -> Errors:
    """Of an init container whose policy is missing the rules are not looked at."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules")
    if policy is None and not rules:
        return []
    errors: Errors = []
    if policy is None:
        errors.append(required(child(path, "restartPolicy"), "must specify restartPolicy when restart rules are used"))
        if init:
            return errors
    elif policy not in _POLICIES:
        errors.append(not_supported(child(path, "restartPolicy"), policy, _POLICIES))
    at = child(path, "restartPolicyRules")
    if rules and len(rules) > 20:
        errors.append(too_many(at, len(rules), 20))
    return errors + [e for i, rule in enumerate(rules or ()) for e in _rule(rule, f"{at}[{i}]")]


def _rule(rule: Obj, path: str) -> Errors:
    action, codes = rule.get("action") or "", rule.get("exitCodes")
    errors: Errors = [] if action in _ACTIONS else [not_supported(child(path, "action"), action, _ACTIONS)]
    at = child(path, "exitCodes")
    if codes is None:
        return [*errors, required(at, "must be specified")]
    operator, values = codes.get("operator") or "", codes.get("values") or ()
    if operator not in _OPERATORS:
        errors.append(not_supported(child(at, "operator"), operator, _OPERATORS))
    return errors if len(values) <= 255 else [*errors, too_many(child(at, "values"), len(values), 255)]
