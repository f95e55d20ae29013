"""Lists that are sets or maps: no item, and no key, twice.

Called by the strategy of a custom kind; on an update only when the old object had no such fault. Turns an object into errors.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype/validation.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.api.field import Errors, child, duplicate, index, invalid, key
from wherry.rules.custom.structural import Structural


def errors(value: Any, schema: Structural | None, path: str = "") -> Errors:
    if schema is None or not schema.some_keyed:
        return []
    if isinstance(value, dict):
        return _in_map(value, schema, path)
    return _in_list(value, schema, path) if isinstance(value, list) else []


def _in_map(value: dict[str, Any], schema: Structural, path: str) -> Errors:
    found: Errors = []
    for name, item in value.items():
        if schema.additional is not None:
            found += errors(item, schema.additional, key(path, name))
        if name in schema.properties:
            found += errors(item, schema.properties[name], child(path, name))
    return found


def _in_list(value: list[Any], schema: Structural, path: str) -> Errors:
    found: Errors = []
    if schema.list_type == "set":
        found += [duplicate(index(path, i), value[i]) for i in _twice(value)]
    elif schema.list_type == "map":
        found += _map_errors(value, schema.list_keys, path)
    if schema.items is not None and schema.items.some_keyed:
        for i, item in enumerate(value):
            found += errors(item, schema.items, index(path, i))
    return found


def _twice(values: list[Any]) -> list[int]:
    """The places of second occurrences (of third ones nothing more is said)."""
    seen: dict[bytes, int] = {}
    places: list[int] = []
    for i, value in enumerate(values):
        text = msgspec.json.encode(value, order="sorted")
        times = seen[text] = seen.get(text, 0) + 1
        if times == 2:
            places.append(i)
    return places


def _map_errors(value: list[Any], keys: tuple[str, ...], path: str) -> Errors:
    for i, item in enumerate(value):
        if item is not None and not isinstance(item, dict):
            return [invalid(index(path, i), item, "must be an object for an array of list-type map")]
    named = [{k: item[k] for k in keys if k in item} if item is not None else {} for item in value]
    return [duplicate(index(path, i), named[i]) for i in _twice(named)]
