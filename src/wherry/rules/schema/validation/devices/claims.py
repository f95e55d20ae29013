"""What a ResourceClaim, a template of one, and a DeviceClass ask for: requests, constraints, configuration, selectors.

Called by the strategies of these kinds. A selector is an expression about one device; it is compiled, but its cost at worst is not
estimated (the reference refuses one that may cost more than a million).
Source: pkg/apis/resource/validation/validation.go, k8s.io/dynamic-resource-allocation/cel.
"""

from __future__ import annotations

from typing import Any

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, invalid, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import length
from wherry.rules.schema.validation.devices.names import (
    MAX_CONFIG,
    MAX_CONSTRAINTS,
    MAX_REQUESTS,
    MAX_SELECTORS,
    class_name,
    configuration,
    each,
    fully_qualified,
    itself,
    label_name,
    named,
    toleration,
)
from wherry.rules.schema.validation.labels import annotation_map, labels
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.quantities import is_extended
from wherry.rules.texts.go_structs.devices import claim_spec, template_spec
from wherry.rules.texts.go_values import in_given_order

MAX_ALTERNATIVES, MAX_EXPRESSION = 8, 10 * 1024
_ONE = "exactly one of `exactly` or `firstAvailable` is required"
_REFERENCE = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_MODES = ("All", "ExactCount")

Requests = dict[str, frozenset[str]]


def validate_claim(obj: Obj) -> Errors:
    return devices((obj.get("spec") or {}).get("devices") or {}, "spec.devices")


def validate_claim_update(new: Obj, old: Obj) -> Errors:
    return [] if new.get("spec") == old.get("spec") else [_immutable(claim_spec(new.get("spec") or {}))]


def validate_template(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    meta = spec.get("metadata") or {}
    errors = annotation_map(meta.get("annotations"), "spec.metadata.annotations") + labels(meta.get("labels"), "spec.metadata.labels")
    return errors + devices((spec.get("spec") or {}).get("devices") or {}, "spec.spec.devices")


def validate_template_update(new: Obj, old: Obj) -> Errors:
    return [] if new.get("spec") == old.get("spec") else [_immutable(template_spec(new.get("spec") or {}))]


def validate_class(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    errors = each(spec.get("selectors") or (), MAX_SELECTORS, _selector, "spec.selectors")
    errors += each(spec.get("config") or (), MAX_CONFIG, configuration, "spec.config")
    name = spec.get("extendedResourceName")
    if name is not None and not is_extended(name):
        errors.append(invalid("spec.extendedResourceName", name, "must be a valid extended resource name"))
    return errors


def _immutable(shown: Any) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {in_given_order(shown)}: {IMMUTABLE}", "spec")


def devices(claim: Obj, path: str) -> Errors:
    known = request_names(claim)
    errors = each(claim.get("requests") or (), MAX_REQUESTS, _request, child(path, "requests"), named)
    errors += each(claim.get("constraints") or (), MAX_CONSTRAINTS, lambda c, at: _constraint(c, at, known), child(path, "constraints"))
    return errors + each(claim.get("config") or (), MAX_CONFIG, lambda c, at: _config(c, at, known), child(path, "config"))


def request_names(claim: Obj) -> Requests:
    """Requests with their alternatives."""
    return {named(r): frozenset(map(named, r.get("firstAvailable") or ())) for r in claim.get("requests") or ()}


def request_reference(name: str, path: str, known: Requests) -> Errors:
    """A request of the claim, or one of its alternatives."""
    parts = name.split("/")
    if len(parts) > 2:
        return [invalid(path, name, _REFERENCE)]
    errors = [e for part in parts for e in label_name(part, path)]
    found = parts[0] in known and (len(parts) == 1 or parts[1] in known[parts[0]])
    return errors if found else [*errors, invalid(path, name, _REFERENCE)]


def request_references(names: list[str], path: str, known: Requests) -> Errors:
    return each(names, MAX_REQUESTS, lambda name, at: request_reference(name, at, known), path, itself)


def _request(request: Obj, path: str) -> Errors:
    errors = label_name(named(request), child(path, "name"))
    exactly, first = request.get("exactly"), request.get("firstAvailable") or []
    if exactly is None and not first:
        return [*errors, required(path, _ONE)]
    if exactly is not None and first:
        return [*errors, invalid(path, None, f"{_ONE}, but multiple fields are set")]
    if exactly is not None:
        return errors + _wish(exactly, child(path, "exactly"))
    return errors + each(first, MAX_ALTERNATIVES, _alternative, child(path, "firstAvailable"), named)


def _alternative(request: Obj, path: str) -> Errors:
    return label_name(named(request), child(path, "name")) + _wish(request, path)


def _wish(request: Obj, path: str) -> Errors:
    errors = class_name(request.get("deviceClassName") or "", child(path, "deviceClassName"))
    errors += each(request.get("selectors") or (), MAX_SELECTORS, _selector, child(path, "selectors"))
    errors += _count(request.get("allocationMode") or "", request.get("count") or 0, path)
    return errors + each(request.get("tolerations") or (), -1, toleration, child(path, "tolerations"))


def _count(mode: str, count: int, path: str) -> Errors:
    if mode == "All":
        text = f"must not be specified when allocationMode is '{mode}'"
        return [invalid(child(path, "count"), count, text)] if count else []
    if mode == "ExactCount":
        return [] if count > 0 else [invalid(child(path, "count"), count, "must be greater than zero")]
    return [not_supported(child(path, "allocationMode"), mode, _MODES)]


def _selector(selector: Obj, path: str) -> Errors:
    cel, path = selector.get("cel"), child(path, "cel")
    if cel is None:
        return [required(path)]
    text, path = cel.get("expression") or "", child(path, "expression")
    if length(text) > MAX_EXPRESSION:
        return [too_long(path, MAX_EXPRESSION)]
    why = _refused(text)
    return [invalid(path, text, why)] if why else []


def _refused(expression: str) -> str:
    from wherry.rules import cel
    from wherry.rules.cel.types import BOOL, DYN, STRING, Type, map_of, object_type

    def by_domain(item: Type) -> Type:
        return map_of(STRING, map_of(STRING, item))

    fields = {"driver": STRING, "allowMultipleAllocations": BOOL}
    maps = {"attributes": by_domain(DYN), "capacity": by_domain(Type("kubernetes.Quantity"))}
    try:
        program = cel.compile(expression, {"device": object_type("kubernetes.DRADevice", {**fields, **maps})})
    except cel.CelError as error:
        return f"compilation failed: {error.message}"
    return "" if program.type in (BOOL, DYN) else f"must evaluate to bool or the unknown type, not {program.type}"


def _constraint(constraint: Obj, path: str, known: Requests) -> Errors:
    errors = request_references(constraint.get("requests") or [], child(path, "requests"), known)
    for name in ("matchAttribute", "distinctAttribute"):
        if constraint.get(name) is not None:
            return errors + fully_qualified(constraint[name], child(path, name))
    text = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
    return [*errors, required(path, text)]


def _config(config: Obj, path: str, known: Requests) -> Errors:
    return request_references(config.get("requests") or [], child(path, "requests"), known) + configuration(config, path)
