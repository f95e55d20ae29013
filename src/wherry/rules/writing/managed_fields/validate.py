"""Whether an applied configuration fits its schema: the errors of server-side apply that come before any merging.

Called by server-side apply. Fields that are not declared, wrong types, list items without their keys or with the same ones.
Source: structured-merge-diff typed/validate.go, helpers.go; the texts show values as Go prints them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from wherry.api.schema import Node
from wherry.rules.texts.go_values import sprint, type_name
from wherry.rules.writing.managed_fields import elements
from wherry.rules.writing.managed_fields.types import LIST_MAP, SET, Type, of_node

_NUMERIC = ("int32", "int64", "float")
_UNTYPED = ("quantity", "int_or_string", "time", "micro_time")

Fault = tuple[str, str]


def errors(value: Any, node: Node) -> str:
    """All errors in the reference's form; "" when there are none."""
    faults = [f"{path}: {message}" if path else message for path, message in _check(value, node, "")]
    if len(faults) < 2:
        return faults[0] if faults else ""
    return "\n".join(["errors:", *(f"  {fault}" for fault in faults)])


def _check(value: Any, node: Node, path: str) -> Iterator[Fault]:
    if value is None or node.kind in ("any", "deduced"):
        return
    if node.kind in ("object", "map"):
        if not isinstance(value, dict):
            yield path, f"expected map, got &{{{sprint(value)}}}"
        else:
            yield from _check_map(value, node, path)
    elif node.kind == "list":
        if not isinstance(value, list):
            yield path, f"expected list, got &{{{sprint(value)}}}"
        else:
            yield from _check_list(value, node, path)
    elif wrong := _scalar(value, node.kind):
        yield path, wrong


def _scalar(value: Any, kind: str) -> str:
    if kind in _NUMERIC:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        return "" if fits else f"expected numeric (int or float), got {type_name(value)}"
    if kind == "bool":
        return "" if isinstance(value, bool) else f"expected boolean, got &{{{sprint(value)}}}"
    if kind in _UNTYPED:
        return f"expected any scalar, got &{{{sprint(value)}}}" if isinstance(value, (dict, list)) else ""
    return "" if isinstance(value, str) else f"expected string, got &value.valueUnstructured{{Value:{_syntax(value)}}}"


def _syntax(value: Any) -> str:
    """%#v: the value in Go syntax."""
    if isinstance(value, dict):
        inner = ", ".join(f"{msgspec.json.encode(k).decode()}:{_syntax(value[k])}" for k in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_syntax, value))}}}"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    return "interface {}(nil)" if value is None else sprint(value)


def _check_map(value: dict[str, Any], node: Node, path: str) -> Iterator[Fault]:
    free = node.kind == "map" or not node.properties or node.open
    for name, inner in value.items():
        child = node.child(name)
        if child is not None:
            yield from _check(inner, child, f"{path}.{name}")
        elif not free:
            yield f"{path}.{name}", "field not declared in schema"
            return


def _check_list(value: list[Any], node: Node, path: str) -> Iterator[Fault]:
    type_ = of_node(node)
    seen: set[str] = set()
    for i, item in enumerate(value):
        at = f"[{i}]"
        if type_.form in (LIST_MAP, SET):
            element = type_.element_of(item)
            if element is None:
                yield path, f"element {i}: {_unkeyed(item, type_)}"
                return
            at = elements.text(element)
            if element in seen:
                yield path, f"duplicate entries for key {at}"
            seen.add(element)
        if node.items is not None:
            yield from _check(item, node.items, path + at)


def _unkeyed(item: Any, type_: Type) -> str:
    """Why a list item has no path element."""
    if type_.form == SET:
        if isinstance(item, dict):
            return "associative list without keys has an element that's a map type"
        if isinstance(item, list):
            return "not supported: associative list with lists as elements"
        return "associative list without keys has an element that's an explicit null"
    if item is None:
        return "associative list with keys may not have a null element"
    if not isinstance(item, dict):
        return "associative list with keys may not have non-map elements"
    keys = " ".join(msgspec.json.encode(k).decode() for k in type_.keys)
    return (
        f"associative list with keys has an element that omits all key fields [{keys}] (and doesn't have default values for any key fields)"
    )
