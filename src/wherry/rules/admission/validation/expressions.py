"""The expressions of policies and webhooks: compiled as they will be, so that what is accepted runs.

CEL is imported with the first object that has an expression.
Source: pkg/apis/admissionregistration/validation/validation.go (validateValidation, validateVariable, validateMutation, ...).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wherry.api.field import Errors, child, duplicate, index, invalid, not_supported, required, too_many
from wherry.api.objects import Obj
from wherry.rules.objects.names import qualified_name

if TYPE_CHECKING:
    from wherry.rules.admission.policies.expressions import Scope

MAX_CONDITIONS, MAX_ANNOTATIONS, MAX_ANNOTATION_BYTES = 64, 20, 5 * 1024
_IDENTIFIER = re.compile(r"^[_a-zA-Z][_a-zA-Z0-9]*$")
_RESERVED = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
})  # fmt: skip
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")


def scope_of(spec: Obj, *, variables: bool) -> Scope:
    from wherry.rules.admission.policies.expressions import Scope

    return Scope(params=spec.get("paramKind") is not None, variables={} if variables else None)


def _expression(source: str, path: str, make: Callable[[str], Any]) -> Errors:
    from wherry.rules.admission.policies.expressions import Refused

    try:
        make(source)
    except Refused as refusal:
        return [invalid(path, source, refusal.message)]
    return []


def match_conditions(conditions: list[Obj], scope: Scope, path: str) -> Errors:
    """They are compiled without variables: a condition cannot be one of them yet."""
    errors: Errors = [too_many(path, len(conditions), MAX_CONDITIONS)] if len(conditions) > MAX_CONDITIONS else []
    for i, condition in enumerate(conditions):
        at, name, text = index(path, i), condition.get("name") or "", (condition.get("expression") or "").strip()
        errors += _condition(text, scope, child(at, "expression")) if text else [required(child(at, "expression"))]
        errors += [invalid(child(at, "name"), name, m) for m in qualified_name(name)] if name else [required(child(at, "name"))]
        if name and any(name == other.get("name") for other in conditions[:i]):
            errors.append(duplicate(child(at, "name"), name))
    return errors


def _condition(text: str, scope: Scope, path: str) -> Errors:
    from wherry.rules.admission.policies.expressions import Scope, compiled

    plain = Scope(params=scope.params)
    return _expression(text, path, lambda e: compiled(e, plain))


def variables(given: list[Obj], scope: Scope, path: str) -> Errors:
    """Each becomes known to those after it."""
    from wherry.rules.admission.policies.expressions import variable

    errors: Errors = []
    for i, each in enumerate(given):
        at, name, text = index(path, i), each.get("name") or "", each.get("expression") or ""
        if not name.strip():
            errors.append(required(child(at, "name"), "name is not specified"))
        elif not _IDENTIFIER.match(name) or name in _RESERVED:
            errors.append(invalid(child(at, "name"), name, "must be a valid CEL identifier"))
        if not text.strip():
            errors.append(required(child(at, "expression"), "expression is not specified"))
        else:
            errors += _expression(text, child(at, "expression"), lambda e, name=name: variable(name, e, scope))  # type: ignore[misc]
    return errors


def validation(given: Obj, scope: Scope, path: str) -> Errors:
    from wherry.rules.admission.policies.expressions import compiled
    from wherry.rules.cel.types import STRING

    text, message, dynamic = given.get("expression") or "", given.get("message") or "", given.get("messageExpression") or ""
    errors: Errors = []
    if not text.strip():
        errors.append(required(child(path, "expression"), "expression is not specified"))
    else:
        errors += _expression(text, child(path, "expression"), lambda e: compiled(e, scope))
    at = child(path, "messageExpression")
    if dynamic and not dynamic.strip():
        errors.append(invalid(at, dynamic, "must be non-empty if specified"))
    elif dynamic:
        errors += _expression(dynamic, at, lambda e: compiled(e, scope, (STRING,), authorizer=False))
    if message and not message.strip():
        errors.append(invalid(child(path, "message"), message, "must be non-empty if specified"))
    elif re.search(r"[\n\r]", message.strip()):
        errors.append(invalid(child(path, "message"), message, "must not contain line breaks"))
    reason = given.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(child(path, "reason"), reason, _REASONS))
    return errors


def audit_annotations(given: list[Obj], policy: str, scope: Scope, path: str) -> Errors:
    errors: Errors = []
    if len(given) > MAX_ANNOTATIONS:
        errors.append(invalid(path, given, f"must not have more than {MAX_ANNOTATIONS} auditAnnotations"))
    for i, each in enumerate(given):
        errors += _annotation(each, policy, scope, index(path, i))
        if any(each.get("key") == other.get("key") for other in given[:i]):
            errors.append(duplicate(child(index(path, i), "key"), each.get("key") or ""))
    return errors


def _annotation(given: Obj, policy: str, scope: Scope, path: str) -> Errors:
    from wherry.rules.admission.policies.expressions import STRING_OR_NULL, compiled

    name = given.get("key") or ""
    at, full = child(path, "key"), f"{policy}/{name}"
    errors = [invalid(at, full, m) for m in qualified_name(full)] if policy else [invalid(at, name, "requires metadata.name be non-empty")]
    at, text = child(path, "valueExpression"), (given.get("valueExpression") or "").strip()
    if not text:
        return [*errors, required(at, "valueExpression is not specified")]
    if len(text.encode()) > MAX_ANNOTATION_BYTES:
        return [*errors, required(at, f"must not exceed {MAX_ANNOTATION_BYTES} bytes in length")]
    return errors + _expression(text, at, lambda e: compiled(e, scope, STRING_OR_NULL))


def mutation(given: Obj, scope: Scope, path: str) -> Errors:
    kind = given.get("patchType") or ""
    if not kind:
        return [required(child(path, "patchType"))]
    parts = {"JSONPatch": "jsonPatch", "ApplyConfiguration": "applyConfiguration"}
    if kind not in parts:
        return [not_supported(child(path, "patchType"), kind, ("ApplyConfiguration", "JSONPatch"))]
    wanted = parts.pop(kind)
    (other,) = parts.values()
    errors: Errors = []
    if given.get(wanted) is None:
        errors.append(required(child(path, wanted), f"must be specified when patchType is {kind}"))
    else:
        errors += _mutation(given[wanted], scope, child(path, wanted, "expression"), patch=kind == "JSONPatch")
    if given.get(other) is not None:
        errors.append(invalid(child(path, other), f"{{{other}}}", f"must not be specified when patchType is {kind}"))
    return errors


def _mutation(given: Obj, scope: Scope, path: str, *, patch: bool) -> Errors:
    from wherry.rules.admission.policies.mutating import compile_mutation

    text = (given.get("expression") or "").strip()
    return _expression(text, path, lambda e: compile_mutation(e, scope, patch=patch)) if text else [required(path)]
