"""A device of a ResourceSlice: its attributes, its capacity and how much of it one request may take, its taints and counters.

Called by `device_slices`.
Source: pkg/apis/resource/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wherry.api import quantity
from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, index, invalid, key, required, too_long, too_many
from wherry.api.objects import Obj
from wherry.rules.objects.names import length
from wherry.rules.schema.validation.devices.names import Rule, binding_conditions, each, label_name, named, qualified, taint
from wherry.rules.texts.go_values import in_given_order

MAX_FACTS, MAX_VALUES, MAX_TEXT, MAX_TAINTS, MAX_CONSUMED, MAX_COUNTERS, MAX_OPTIONS = 32, 48, 64, 16, 2, 32, 10
_LONGEST_FACT, _LONGEST_LABEL = 63 + 1 + 32, 63
_NUMBER, _LETTERS = r"(0|[1-9]\d*)", r"[0-9a-zA-Z-]"
_PART = rf"(0|[1-9]\d*|\d*[a-zA-Z-]{_LETTERS}*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PART}(\.{_PART})*)?(\+{_LETTERS}+(\.{_LETTERS}+)*)?", re.ASCII)


def validate_device(device: Obj, before: Obj | None, path: str, place: Errors) -> Errors:
    """`place`: the errors of where it is; they stand in the middle."""
    errors = label_name(named(device), child(path, "name"))
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    for found, most, what in (
        (len(attributes) + len(capacity), MAX_FACTS, "attributes and capacities"),
        (len(attributes), MAX_VALUES, "attribute values"),
    ):
        if found > most:
            errors.append(invalid(path, found, f"the total number of {what} must not exceed {most}"))
    errors += _map(attributes, -1, _LONGEST_FACT, qualified, _attribute, child(path, "attributes"))
    shared = _shared_capacity if device.get("allowMultipleAllocations") else _whole_capacity
    errors += _map(capacity, -1, _LONGEST_FACT, qualified, shared, child(path, "capacity"))
    if before is None or before.get("taints") != device.get("taints"):
        errors += each(device.get("taints") or (), MAX_TAINTS, taint, child(path, "taints"))
    consumed = device.get("consumesCounters") or ()
    errors += each(
        consumed,
        MAX_CONSUMED,
        lambda c, at: counters(c, "counterSet", at),
        child(path, "consumesCounters"),
        lambda c: c.get("counterSet") or "",
    )
    return errors + place + binding_conditions(device, path)


def counters(of: Obj, name: str, path: str) -> Errors:
    """A set of counters, or what a device takes of one: `name` is where the set's name stands."""
    own, values = of.get(name) or "", of.get("counters") or {}
    errors = label_name(own, child(path, name)) if own else [required(child(path, name))]
    if not values:
        return [*errors, required(child(path, "counters"))]
    return errors + _map(values, MAX_COUNTERS, _LONGEST_LABEL, label_name, lambda value, at: [], child(path, "counters"))


def _map(values: Mapping[str, Any], most: int, longest: int, name: Rule, rule: Rule, path: str) -> Errors:
    """The errors of keys have the map's path, those of values the path of their key, cut in its middle when it is too long."""
    if 0 <= most < len(values):
        return [too_many(path, len(values), most)]
    return [e for k in sorted(values) for e in (*name(k, path), *rule(values[k], key(path, _cut(k, longest))))]


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    left = longest - 3
    return f"{text[: (left + 1) // 2]}...{text[len(text) - left // 2 :]}"


def _attribute(attribute: Obj, path: str) -> Errors:
    given = [name for name in ("bool", "int", "string", "version") if attribute.get(name) is not None]
    errors: Errors = []
    for name in given:
        value, at = attribute[name], child(path, name)
        if name == "version" and not _VERSION.fullmatch(value):
            errors.append(invalid(at, value, "must be a string compatible with semver.org spec 2.0.0"))
        if name in ("string", "version") and length(value) > MAX_TEXT:
            errors.append(too_long(at, MAX_TEXT))
    if len(given) == 1:
        return errors
    names = (("IntValue", "int"), ("BoolValue", "bool"), ("StringValue", "string"), ("VersionValue", "version"))
    lists = dict.fromkeys(("IntValues", "BoolValues", "StringValues", "VersionValues"))
    shown: Any = {**{name: attribute.get(member) for name, member in names}, **lists} if given else ""
    return [*errors, Cause("FieldValueInvalid", f"Invalid value: {in_given_order(shown)}: exactly one value must be specified", path)]


def _whole_capacity(capacity: Obj, path: str) -> Errors:
    if capacity.get("requestPolicy") is None:
        return []
    return [forbidden(child(path, "requestPolicy"), "allowMultipleAllocations must be true")]


def _shared_capacity(capacity: Obj, path: str) -> Errors:
    policy, path = capacity.get("requestPolicy"), child(path, "requestPolicy")
    if policy is None:
        return []
    values, span, default, most = (
        policy.get("validValues") or [],
        policy.get("validRange"),
        policy.get("default"),
        capacity.get("value", "0"),
    )
    if values and span is not None:
        return [forbidden(path, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time')]
    name = "validValues" if values else "validRange"
    if not values and span is None:
        return []
    if default is None:
        return [required(child(path, "default"), f"required when {name} is defined")]
    path = child(path, name)
    return _values(default, most, values, path) if values else _range(default, most, span or {}, path)


def _values(default: str, most: str, values: list[str], path: str) -> Errors:
    errors: Errors = []
    for i in range(1, len(values)):
        if quantity.compare(values[i - 1], values[i]) > 0:
            errors.append(invalid(index(path, i), values[i], "values must be sorted in ascending order"))
    errors += each(values, MAX_OPTIONS, lambda v, at: _fits(v, most, "option", at), path, lambda v: str(quantity.to_int(v)))
    known = len(values) <= MAX_OPTIONS and any(quantity.compare(v, default) == 0 for v in values)
    return errors if known else [*errors, invalid(path, default, "default value is not valid according to the requestPolicy")]


def _fits(value: str, most: str, what: str, path: str) -> Errors:
    return [invalid(path, value, f"{what} is larger than capacity value: {most}")] if quantity.compare(value, most) > 0 else []


def _range(default: str, most: str, span: Obj, path: str) -> Errors:
    low, high, step = span.get("min"), span.get("max"), span.get("step")
    if low is None:
        return [required(child(path, "min"), "required when validRange is defined")]
    at = child(path, "min")
    errors = _fits(low, most, "min", at)
    if quantity.compare(default, low) < 0:
        errors.append(invalid(at, default, f"default is less than min: {low}"))
    if high is not None:
        at = child(path, "max")
        if quantity.compare(low, high) > 0:
            errors.append(invalid(at, low, f"min is larger than max: {high}"))
        errors += _fits(high, most, "max", at)
        if quantity.compare(default, high) > 0:
            errors.append(invalid(at, default, f"default is more than max: {high}"))
    return errors if step is None else errors + _step(low, (default, *([] if high is None else [high])), step, most, child(path, "step"))


def _step(low: str, values: tuple[str, ...], step: str, most: str, path: str) -> Errors:
    reached = quantity.add(low, step)
    errors: Errors = []
    if quantity.compare(reached, most) > 0:
        errors.append(invalid(path, step, f"one step {reached} is larger than capacity value: {most}"))
    size = quantity.to_int(step)
    for value in values:
        if size and (quantity.to_int(value) - quantity.to_int(low)) % size:
            errors.append(invalid(path, value, f"value is not a multiple of a given step ({step}) from ({low})"))
    return errors
