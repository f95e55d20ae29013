"""Names and values that the kinds of resource.k8s.io share: drivers, pools, requests, attributes, taints; and lists with a largest size.

Source: pkg/apis/resource/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from wherry.api.field import Errors, child, duplicate, index, invalid, not_supported, required, too_long, too_many
from wherry.api.objects import Obj
from wherry.rules.objects.names import c_identifier, dns1123_label, dns1123_subdomain, label_value, length
from wherry.rules.schema.validation.labels import label_key
from wherry.rules.schema.validation.volumes import driver_name

MAX_CONFIG, MAX_PARAMETERS = 32, 10 * 1024
MAX_REQUESTS = MAX_RESULTS = MAX_SELECTORS = MAX_CONSTRAINTS = 32
_MAX_ID, _MAX_BINDING = 32, 4
_EFFECTS, _OPERATORS = ("NoExecute", "NoSchedule", "None"), ("Equal", "Exists")
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Rule = Callable[[Any, str], Errors]


def each(values: Sequence[Any], most: int, rule: Rule, path: str, key: Callable[[Any], Any] | None = None) -> Errors:
    """The errors of a list: too long (nothing else is looked at then), those of each item, and items with the same key."""
    if 0 <= most < len(values):
        return [too_many(path, len(values), most)]
    errors: Errors = [e for i, value in enumerate(values) for e in rule(value, index(path, i))]
    seen: set[Any] = set()
    if key is not None:
        for i, value in enumerate(values):
            if (own := key(value)) in seen:
                errors.append(duplicate(index(path, i), own))
            seen.add(own)
    return errors


def itself(value: Any) -> Any:
    return value


def named(value: Obj) -> str:
    return str(value.get("name") or "")


def label_name(value: str, path: str) -> Errors:
    return [invalid(path, value, m) for m in dns1123_label(value)]


def class_name(value: str, path: str) -> Errors:
    return [invalid(path, value, m) for m in dns1123_subdomain(value)] if value else [required(path)]


def pool_name(value: str, path: str) -> Errors:
    if not value:
        return [required(path)]
    errors: Errors = [too_long(path, 253)] if length(value) > 253 else []
    return errors + [invalid(path, part, m) for part in value.split("/") for m in dns1123_subdomain(part)]


def uid(value: str, path: str) -> Errors:
    if _UUID.fullmatch(value):
        if value == value.lower():
            return []
        text = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters"
        return [invalid(path, value, text)]
    why = "invalid UUID format" if len(value) == 36 else f"invalid UUID length: {len(value)}"
    return [invalid(path, value, f"error validating uid: {why}")]


def qualified(value: str, path: str) -> Errors:
    """An attribute or a capacity: an identifier, or one after a driver's domain. More than one slash is not looked at."""
    parts = value.split("/")
    if len(parts) == 1:
        return _identifier(value, path)
    if len(parts) > 2:
        return []
    domain, name = parts
    errors = driver_name(domain, path) if domain else [invalid(path, "", "the domain must not be empty")]
    return errors + (_identifier(name, path) if name else [invalid(path, "", "the name must not be empty")])


def fully_qualified(value: str, path: str) -> Errors:
    text = "a fully qualified name must be a domain and a name separated by a slash"
    return qualified(value, path) + ([] if "/" in value else [invalid(path, value, text)])


def _identifier(value: str, path: str) -> Errors:
    errors: Errors = [too_long(path, _MAX_ID)] if length(value) > _MAX_ID else []
    return errors + [invalid(path, value, m) for m in c_identifier(value)]


def configuration(config: Obj, path: str) -> Errors:
    """What a driver is told, in words of its own."""
    opaque, at = config.get("opaque"), child(path, "opaque")
    if opaque is None:
        return [required(at)]
    return driver_name(opaque.get("driver") or "", child(at, "driver")) + raw_object(opaque.get("parameters"), child(at, "parameters"))


def raw_object(value: Any, path: str, most: int = MAX_PARAMETERS) -> Errors:
    """Any JSON object, not too large."""
    if value is None:
        return [required(path)]
    if len(msgspec.json.encode(value)) > most:
        return [too_long(path, most)]
    return [] if isinstance(value, dict) else [invalid(path, "<value omitted>", "must be a valid JSON object")]


def taint(given: Obj, path: str) -> Errors:
    errors = label_key(given.get("key") or "", child(path, "key"))
    value, effect, at = given.get("value") or "", given.get("effect") or "", child(path, "effect")
    errors += _label_value(value, child(path, "value"))
    if not effect:
        return [*errors, required(at)]
    return errors if effect in _EFFECTS else [*errors, not_supported(at, effect, _EFFECTS)]


def toleration(given: Obj, path: str) -> Errors:
    key, operator, value, effect = (given.get(name) or "" for name in ("key", "operator", "value", "effect"))
    errors = label_key(key, child(path, "key")) if key else []
    if operator == "Exists":
        if value:
            errors.append(invalid(child(path, "value"), value, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors += _label_value(value, child(path, "value"))
    elif not operator:
        errors.append(required(child(path, "operator")))
    else:
        errors.append(not_supported(child(path, "operator"), operator, _OPERATORS))
    return errors if effect in ("", *_EFFECTS) else [*errors, not_supported(child(path, "effect"), effect, _EFFECTS)]


def _label_value(value: str, path: str) -> Errors:
    return [invalid(path, value, m) for m in label_value(value)]


def binding_conditions(of: Obj, path: str) -> Errors:
    """Conditions that must hold, and that must not, before a pod is bound: both or neither, none twice, none in both."""
    good, bad = of.get("bindingConditions") or [], of.get("bindingFailureConditions") or []
    at, bad_at = child(path, "bindingConditions"), child(path, "bindingFailureConditions")
    errors = each(good, _MAX_BINDING, label_key, at) + each(bad, _MAX_BINDING, label_key, bad_at)
    errors += _repeated(good, at)
    for i, condition in enumerate(bad):
        if condition in bad[:i]:
            errors.append(duplicate(index(bad_at, i), condition))
        if condition in good:
            errors.append(invalid(index(bad_at, i), condition, "bindingFailureConditions must not overlap with bindingConditions"))
    if bad and not good:
        errors.append(invalid(at, of.get("bindingConditions"), "bindingConditions are required to use bindingFailureConditions"))
    if good and not bad:
        errors.append(invalid(bad_at, of.get("bindingFailureConditions"), "bindingFailureConditions are required to use bindingConditions"))
    return errors


def _repeated(values: Sequence[str], path: str) -> Iterable[Any]:
    return [duplicate(index(path, i), value) for i, value in enumerate(values) if value in values[:i]]
