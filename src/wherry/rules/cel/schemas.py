"""JSON under an OpenAPI schema as CEL sees it: the type an expression is checked with, and the value it works on.

Called for the validation rules of custom resources, where `self` has the schema's type: a `number` is a double also when its JSON is `1`,
strings of format date-time, date, duration and byte are timestamps, durations and bytes. What the schema leaves open is `dyn`.

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/ and KEP-2876 (type table)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.conversions import parse_duration, parse_timestamp
from wherry.rules.cel.lookups import escaped
from wherry.rules.cel.types import BOOL, BYTES, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of, object_type

Schema = Mapping[str, Any]
_FORMATS: Mapping[str, Type] = {"byte": BYTES, "duration": DURATION, "date": TIMESTAMP, "date-time": TIMESTAMP}
_PLAIN: Mapping[str, Type] = {"boolean": BOOL, "integer": INT, "number": DOUBLE}


def type_of(schema: Schema, name: str = "selfType") -> Type:
    """The type of values under `schema`; the parts of an object are named after the path to them."""
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string") or kind is None:
        return DYN
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), STRING)
    if kind == "array":
        items = schema.get("items")
        return list_of(type_of(items, f"{name}.@idx") if isinstance(items, Mapping) else DYN)
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        return map_of(STRING, type_of(extra, f"{name}.@elem"))
    properties = schema.get("properties") or {}
    if extra or (schema.get("x-kubernetes-preserve-unknown-fields") and not properties):
        return DYN
    return _object(schema, properties, name)


def _object(schema: Schema, properties: Mapping[str, Schema], name: str) -> Type:
    fields: dict[str, Type] = {}
    if schema.get("x-kubernetes-embedded-resource"):
        metadata = object_type(f"{name}.metadata", {"name": STRING, "generateName": STRING})
        fields = {"apiVersion": STRING, "kind": STRING, "metadata": metadata}
    for key, part in properties.items():
        identifier = escaped(key)
        if identifier is not None:
            fields[identifier] = type_of(part, f"{name}.{identifier}")
    return object_type(name, fields)


def value_of(value: Any, schema: Schema | None) -> Any:
    """`value` with numbers and formatted strings in their CEL types; shared with `value` where nothing differs. Raises CelError."""
    if schema is None or value is None:
        return value
    kind = type(value)
    if kind is str:
        return _text(value, schema.get("format", "")) if schema.get("type") == "string" and "format" in schema else value
    if kind is int:
        return float(value) if schema.get("type") == "number" else value
    if kind is float:
        return int(value) if schema.get("type") == "integer" and value.is_integer() else value
    if kind is list:
        items = schema.get("items")
        return [value_of(item, items) for item in value] if isinstance(items, Mapping) else value
    if kind is dict:
        properties = schema.get("properties") or {}
        extra = schema.get("additionalProperties")
        rest = extra if isinstance(extra, Mapping) else None
        return {key: value_of(part, properties.get(key, rest)) for key, part in value.items()}
    return value


def _text(value: str, form: str) -> Any:
    if form == "date-time":
        return parse_timestamp(value)
    if form == "date":
        return parse_timestamp(f"{value}T00:00:00Z")
    if form == "duration":
        return parse_duration(value)
    if form == "byte":
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise CelError("invalid base64") from None
    return value
