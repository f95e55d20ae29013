"""`--sort-by`: objects or table rows in the order of a field.

Quantities are compared as quantities, other texts as texts, numbers as numbers; objects without the field come first.
Source: kubectl pkg/cmd/get/sorter.go.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.texts import jsonpath
from wherry.rules.texts.jsonpath import JsonPathError

_ABSENT = object()


def order(objects: list[Obj], field: str) -> list[int]:
    """Their positions, in the order of the field. Raises JsonPathError when none has it."""
    path = jsonpath.relaxed(field)
    values = [_value(path, obj) for obj in objects]
    if objects and all(value is _ABSENT for value in values):
        raise JsonPathError(f'couldn\'t find any field with path "{path}" in the list of objects')
    def compare(i: int, j: int) -> int:
        return _compare(values[i], values[j])

    return sorted(range(len(objects)), key=cmp_to_key(compare))


def _value(path: str, obj: Obj) -> Any:
    found = jsonpath.find(path, obj)
    return found[0][0] if found and found[0] else _ABSENT


def _compare(a: Any, b: Any) -> int:
    if a is _ABSENT or b is _ABSENT:
        return (a is not _ABSENT) - (b is not _ABSENT)
    if a is None or b is None:
        return (a is not None) - (b is not None)
    if isinstance(a, list) and isinstance(b, list):
        return next((c for c in map(_compare, a, b) if c), 0)
    if isinstance(a, str) and isinstance(b, str):
        return _compare_texts(a, b)
    if isinstance(a, bool | dict | str) or isinstance(b, bool | dict | str):
        raise JsonPathError(f"unsortable type: {type(a).__name__}")
    return int(a > b) - int(a < b)


def _compare_texts(a: str, b: str) -> int:
    try:
        one, other = quantity.parse(a), quantity.parse(b)
    except ValueError:
        return (a > b) - (a < b)
    return (one > other) - (one < other)
