"""Defaults of a structural schema, filled into an object.

Called through the strategy of a custom kind, for what comes in and for what was stored before a default was there. Changes a private object
in place; every default that is put in is a copy of its own. A null where none may be stands for the default.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting/algorithm.go.
"""

from __future__ import annotations

from typing import Any

from wherry.rules.custom.structural import Structural


def fill(value: Any, schema: Structural | None) -> None:
    if schema is None or not schema.some_default:
        return
    if isinstance(value, dict):
        _fill_fields(value, schema)
    elif isinstance(value, list) and schema.items is not None:
        for i, item in enumerate(value):
            if item is None and not schema.items.nullable:
                item = value[i] = copy(schema.items.default)
            fill(item, schema.items)


def _fill_fields(value: dict[str, Any], schema: Structural) -> None:
    for name, below in schema.properties.items():
        if below.has_default and (name not in value or (value[name] is None and not below.nullable)):
            value[name] = copy(below.default)
    for name, item in value.items():
        found = schema.properties.get(name)
        if found is None and schema.additional is not None:
            found = schema.additional
            if item is None and not found.nullable:
                item = value[name] = copy(found.default)
        fill(item, found)


def copy(value: Any) -> Any:
    """A copy of a JSON value."""
    if isinstance(value, dict):
        return {name: copy(item) for name, item in value.items()}
    return [copy(item) for item in value] if isinstance(value, list) else value
