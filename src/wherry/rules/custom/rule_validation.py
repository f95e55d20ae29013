"""The rules in CEL (`x-kubernetes-validations`) of a schema, as they stand in a definition: what they say, and whether they compile.

Called by `schema_validation` when the rest of the schema is in order.
Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, index, invalid, key, not_supported, required
from wherry.rules.custom.selectable import at_path
from wherry.rules.custom.structural import Structural

_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_RULES = "x-kubernetes-validations"


def rule_errors(root: Structural, path: str) -> Errors:
    """All errors of the rules of a schema."""
    return _place(root, path, "")


def _place(schema: Structural, path: str, apart: str) -> Errors:
    """`apart`: the place above whose values cannot be compared with their old ones."""
    errors: Errors = []
    for i, rule in enumerate(schema.rules):
        errors += _rule(rule, index(child(path, _RULES), i))
    if not errors and schema.rules:
        errors += _compiled(schema, path, apart)
    below = apart or ("" if schema.map_type in ("", "granular") else path)
    for name, each in schema.properties.items():
        errors += _place(each, key(child(path, "properties"), name), below)
    if schema.additional is not None:
        errors += _place(schema.additional, child(path, "additionalProperties"), apart)
    if schema.items is not None:
        errors += _place(schema.items, child(path, "items"), apart or ("" if schema.list_type == "map" else path))
    return errors


def _rule(rule: Mapping[str, Any], path: str) -> Errors:
    text, message, shown = rule.get("rule") or "", rule.get("message") or "", rule.get("messageExpression") or ""
    errors: Errors = []
    if not text.strip():
        errors.append(required(child(path, "rule"), "rule is not specified"))
    elif message and not message.strip():
        errors.append(invalid(child(path, "message"), message, "must be non-empty if specified"))
    elif _broken(message.strip()):
        errors.append(invalid(child(path, "message"), message, "must not contain line breaks"))
    elif _broken(text.strip()) and not message.strip():
        errors.append(required(child(path, "message"), "message must be specified if rule contains line breaks"))
    if shown and not shown.strip():
        errors.append(required(child(path, "messageExpression"), "messageExpression must be non-empty if specified"))
    reason = rule.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(child(path, "reason"), reason, _REASONS))
    at = rule.get("fieldPath") or ""
    if at and not at.strip():
        errors.append(invalid(child(path, "fieldPath"), at, "must be non-empty if specified"))
    if _broken(at):
        errors.append(invalid(child(path, "fieldPath"), at, "must not contain line breaks"))
    return errors


def _broken(text: str) -> bool:
    return "\n" in text or "\r" in text


def _compiled(schema: Structural, path: str, apart: str) -> Errors:
    from wherry.rules.custom.rules import compile_rules  # loading CEL takes a while, and most definitions have no rules

    errors: Errors = []
    for i, rule in enumerate(compile_rules(schema)):
        at = index(child(path, _RULES), i)
        if rule.fault:
            errors.append(_refused(child(at, "rule"), rule.said, rule.fault))
        if rule.message_fault:
            errors.append(_refused(child(at, "messageExpression"), rule.said, rule.message_fault))
        if rule.uses_old and apart:
            why = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {apart}"
            errors.append(invalid(child(at, "rule"), rule.said.get("rule", ""), why))
        if not rule.uses_old and not rule.fault and rule.said.get("optionalOldSelf") is not None:
            why = "may not be set if oldSelf is not used in rule"
            errors.append(invalid(child(at, "optionalOldSelf"), rule.said["optionalOldSelf"], why))
        if (text := rule.said.get("fieldPath") or "") and at_path(text, schema.schema, arrays=True)[1]:
            errors.append(invalid(child(at, "fieldPath"), text, "must be a valid path"))
    return errors


def _refused(path: str, rule: Mapping[str, Any], why: str) -> Cause:
    """The reference shows the rule with the names of its own type."""
    names = {"Rule": "", "Message": "", "MessageExpression": "", "Reason": None, "FieldPath": "", "OptionalOldSelf": None}
    shown = {name: rule.get(name[0].lower() + name[1:], empty) for name, empty in names.items()}
    return Cause("FieldValueInvalid", f"Invalid value: {msgspec.json.encode(shown).decode()}: {why}", path)
