"""The selectable fields of a version: paths to single values of its schema.

Called by the validation of definitions. Source: KEP-4358; k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go
(ValidateCustomResourceSelectableFields), pkg/apiserver/schema/cel/validation.go (ValidFieldPath).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wherry.api.field import Errors, child, duplicate, index, invalid, required, too_many
from wherry.api.objects import Obj

MOST = 8
_TOKENS = re.compile(r"[.\[\]]|[^.\[\]]+")


def selectable_errors(fields: Sequence[Obj], schema: Obj, path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, each in enumerate(fields):
        at, value = child(index(path, i), "jsonPath"), each.get("jsonPath") or ""
        if not value:
            errors.append(required(at))
            continue
        found, why = at_path(value, schema)
        if why:
            errors.append(invalid(at, value, f"is an invalid path: {why}"))
            continue
        if value.split(".")[1:2] == ["metadata"]:
            errors.append(invalid(at, value, "must not point to fields in metadata"))
        if found.get("type") not in ("string", "boolean", "integer"):
            why = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
            errors.append(invalid(at, value, why))
        if value in seen:
            errors.append(duplicate(at, value))
        seen.add(value)
    if len(seen) > MOST:
        errors.append(too_many(path, len(seen), MOST))
    return errors


def at_path(path: str, schema: Mapping[str, Any], *, arrays: bool = False) -> tuple[Mapping[str, Any], str]:
    """The schema of the field that a path of names leads to, or why there is none. `arrays`: `['name']` is as good as `.name`."""
    tokens = iter(_TOKENS.findall(path))
    for token in tokens:
        if token == "[" and not arrays:
            return {}, "array notation is not allowed"
        if token not in (".", "["):
            return {}, f"expected [ or . but got: {token}"
        name = next(tokens, None)
        if name is None:
            return {}, "unexpected end of JSON path"
        if token == "[":
            if len(name) < 2 or name[0] != "'" or name[-1] != "'":
                return {}, f"expected single quoted string but got {name}"
            name = name[1:-1]
            if next(tokens, None) != "]":
                return {}, "unexpected end of JSON path"
        properties, additional = schema.get("properties"), schema.get("additionalProperties")
        below = properties.get(name) if properties else additional
        if not isinstance(below, dict):
            return {}, "does not refer to a valid field"
        schema = below
    return schema, ""
