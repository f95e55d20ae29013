"""The table of a custom kind: its name, and the columns that its definition asks for.

Called through `rules.tables` for the rows of custom kinds. Turns additionalPrinterColumns into a Printer, once per version of a kind.
Source: k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.showing.tables.column import NAME, Column, Printer
from wherry.rules.showing.tables.default import CUSTOM
from wherry.rules.texts import age as duration
from wherry.rules.texts.jsonpath import JsonPathError, find
from wherry.rules.texts.jsonpath.texts import compact, plain

_Cell = Callable[[Obj, float], Any]


def printer(columns: Sequence[Mapping[str, Any]]) -> Printer:
    """Without columns: name and age."""
    if not columns:
        return CUSTOM
    cells = [_cell(column) for column in columns]

    def row(obj: Obj, now: float) -> list[Any]:
        return [obj["metadata"].get("name", ""), *(cell(obj, now) for cell in cells)]

    return Printer((NAME, *map(_column, columns)), row)


def _column(column: Mapping[str, Any]) -> Column:
    path = column.get("jsonPath", "")
    text = column.get("description") or f"Custom resource definition column (in JSONPath format): {path}"
    return Column(column.get("name", ""), column.get("type", ""), text, column.get("format", ""), column.get("priority", 0))


def _cell(column: Mapping[str, Any]) -> _Cell:
    template, type_ = "{" + column.get("jsonPath", "") + "}", column.get("type", "")

    def cell(obj: Obj, now: float) -> Any:
        try:
            results = find(template, obj)
        except JsonPathError:
            return None
        if not results or not results[0]:
            return None
        return _shown(type_, results[0][0], now)

    return cell


def _shown(type_: str, value: Any, now: float) -> Any:
    """A value in a column of that type; nothing when it is of another."""
    if type_ == "string":
        return compact(value) if isinstance(value, dict | list) else "null" if value is None else plain(value)
    if type_ == "date":
        return _age(value, now) if isinstance(value, str) else None
    if type_ == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if type_ == "integer" else value


def _age(moment: str, now: float) -> str:
    if not moment:
        return "<unknown>"
    try:
        return duration.human(now - timestamps.parse(moment))
    except ValueError:
        return "<invalid>"
