"""Whether a schema is structural: every field has a type outside of `allOf`, `anyOf`, `oneOf` and `not`, and these add only checks.

Called by `schema_validation`. Turns a schema (JSONSchemaProps) into causes, sorted by their text.
Source: KEP-1148; k8s.io/apiextensions-apiserver/pkg/apiserver/schema (validation.go, complete.go).
"""

from __future__ import annotations

from typing import Any

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, index, invalid, key, required
from wherry.api.objects import Obj
from wherry.rules.custom import pattern

_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_EMPTY = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
#: what may not stand inside a junctor: name -> why
_NOT_NESTED = {
    "type": "must be empty to be structural",
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}


def structure_errors(schema: Obj, path: str) -> Errors:
    found = _place(schema, "root", path) + _complete(schema, schema, path, path)
    return sorted(found, key=lambda cause: f"{cause.field}: {cause.message}")


def _place(schema: Any, level: str, path: str) -> Errors:
    """What a place outside of junctors must say, and everything below it."""
    if not isinstance(schema, dict):
        return []
    found: Errors = []
    if schema.get("type") == "array" and schema.get("items") is None:
        found.append(required(child(path, "items"), "must be specified"))
    found += _place(schema.get("items"), "item", child(path, "items"))
    properties: Obj = schema.get("properties") or {}
    for name, below in properties.items():
        found += _place(below, "field", key(child(path, "properties"), name))
    additional = schema.get("additionalProperties")
    if additional is not None:
        if level == "root":
            found.append(forbidden(child(path, "additionalProperties"), "must not be used at the root"))
        found += _place(additional, "field", child(path, "additionalProperties"))
    found += _extensions(schema, path) + _junctors(schema, path) + _type(schema, level, path)
    if level == "root" or schema.get("x-kubernetes-embedded-resource"):
        found += _type_meta(properties, path)
    if "metadata" in properties:
        found += _metadata(properties["metadata"], schema, level, key(child(path, "properties"), "metadata"))
    return found


def _extensions(schema: Obj, path: str) -> Errors:
    found: Errors = []
    either, embedded = schema.get("x-kubernetes-int-or-string"), schema.get("x-kubernetes-embedded-resource")
    preserve = schema.get("x-kubernetes-preserve-unknown-fields")
    for name, value in (("x-kubernetes-preserve-unknown-fields", preserve), ("x-kubernetes-embedded-resource", embedded)):
        if either and value:
            found.append(invalid(child(path, name), True, "must be false if x-kubernetes-int-or-string is true"))
    if embedded and schema.get("additionalProperties") is not None:
        found.append(forbidden(child(path, "additionalProperties"), "must not be used if x-kubernetes-embedded-resource is set"))
    if embedded and not preserve and not schema.get("properties"):
        why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        found.append(required(child(path, "properties"), why))
    return found


def _type(schema: Obj, level: str, path: str) -> Errors:
    type_, at = schema.get("type") or "", child(path, "type")
    found: Errors = []
    if schema.get("x-kubernetes-embedded-resource") and type_ != "object":
        why = "must be object if x-kubernetes-embedded-resource is true"
        found.append(invalid(at, type_, why) if type_ else required(at, why))
    elif not type_ and not schema.get("x-kubernetes-int-or-string") and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.append(required(at, _EMPTY[level]))
    if level == "root" and type_ and type_ != "object":
        found.append(invalid(at, type_, "must be object at the root"))
    return found


def _type_meta(properties: Obj, path: str) -> Errors:
    return [
        invalid(child(key(child(path, "properties"), name), "type"), properties[name].get("type", ""), "must be string")
        for name in ("kind", "apiVersion")
        if name in properties and properties[name].get("type") != "string"
    ]


def _metadata(schema: Obj, parent: Obj, level: str, path: str) -> Errors:
    found: Errors = []
    if (level == "root" or parent.get("x-kubernetes-embedded-resource")) and schema.get("type") != "object":
        found.append(invalid(child(path, "type"), schema.get("type", ""), "must be object"))
    if level != "root":
        return found
    rest = {k: v for k, v in schema.items() if k not in ("type", "default") and v}
    properties = rest.pop("properties", {})
    if rest or set(properties) - {"name", "generateName"}:
        why = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        found.append(forbidden(path, why))
    return found


def _junctors(schema: Obj, path: str) -> Errors:
    """Checks of a place, those of int-or-string left out: there the types are part of the pattern."""
    found: Errors = []
    any_of, all_of = schema.get("anyOf") or [], schema.get("allOf") or []
    if any_of != _INT_OR_STRING:
        found += [e for i, each in enumerate(any_of) for e in _nested(each, index(child(path, "anyOf"), i))]
    for i, each in enumerate(all_of):
        plain = {k: v for k, v in each.items() if k != "anyOf"} if i == 0 and each.get("anyOf") == _INT_OR_STRING else each
        found += _nested(plain, index(child(path, "allOf"), i))
    found += [e for i, each in enumerate(schema.get("oneOf") or ()) for e in _nested(each, index(child(path, "oneOf"), i))]
    if schema.get("not") is not None:
        found += _nested(schema["not"], child(path, "not"))
    if text := schema.get("pattern"):
        try:
            pattern.compiled(text)
        except ValueError as error:
            found.append(invalid(child(path, "pattern"), text, f"must be a valid regular expression, but isn't: {error}"))
    return found


def _nested(schema: Any, path: str) -> Errors:
    if not isinstance(schema, dict):
        return []
    found = _junctors(schema, path) + _nested(schema.get("items"), child(path, "items"))
    properties: Obj = schema.get("properties") or {}
    for name, below in properties.items():
        found += _nested(below, key(child(path, "properties"), name))
    for name, why in _NOT_NESTED.items():
        value = schema.get(name)
        if value or (name == "additionalProperties" and value is not None):
            found.append(forbidden(child(path, name), why))
    if "metadata" in properties:
        found.append(forbidden(key(child(path, "properties"), "metadata"), "must not be specified in a nested context"))
    return found


def _complete(checks: Obj, schema: Obj | None, at: str, said: str) -> Errors:
    """Every field that a check speaks of is there."""
    found: Errors = []
    for name in ("allOf", "anyOf", "oneOf"):
        for i, each in enumerate(checks.get(name) or ()):
            found += _complete_nested(each, schema, at, index(child(said, name), i))
    if checks.get("not") is not None:
        found += _complete_nested(checks["not"], schema, at, child(said, "not"))
    return found


def _complete_nested(checks: Any, schema: Any, at: str, said: str) -> Errors:
    if not isinstance(checks, dict):
        return []
    if not isinstance(schema, dict):
        return [_undefined(at, said)]
    found = _complete(checks, schema, at, said)
    if checks.get("items") is not None:
        found += _complete_nested(checks["items"], schema.get("items"), child(at, "items"), child(said, "items"))
    properties = schema.get("properties") or {}
    for name, below in (checks.get("properties") or {}).items():
        here, there = key(child(at, "properties"), name), key(child(said, "properties"), name)
        found += _complete_nested(below, properties[name], here, there) if name in properties else [_undefined(here, there)]
    return found


def _undefined(at: str, said: str) -> Cause:
    return required(at, f"because it is defined in {said}")
