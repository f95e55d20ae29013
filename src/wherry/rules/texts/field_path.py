"""Selectable fields of custom kinds: values as the text that a field selector is compared with.

Called when a custom kind's strategy is made. Turns `selectableFields` of a version into functions by the name that selectors use.
Source: KEP-4358; k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go (selectableFields).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.texts.jsonpath import JsonPathError, find
from wherry.rules.texts.jsonpath.texts import plain


def fields_of(selectable: Iterable[Mapping[str, Any]]) -> dict[str, Callable[[Obj], str]]:
    return {path.removeprefix("."): _reader("{" + path + "}") for path in (each["jsonPath"] for each in selectable)}


def _reader(template: str) -> Callable[[Obj], str]:
    def read(obj: Obj) -> str:
        try:
            results = find(template, obj)
        except JsonPathError:
            return ""
        value = results[0][0] if results and results[0] else None
        return "" if value is None else plain(value)

    return read
