"""Why the result of a strategic merge patch is no object of its kind, in the words of the reference's converter of untyped values.

Called by the registry when a strategically patched object does not decode: bodies and the other patches are read from JSON, whose texts
name the field; this converter walks values and types, and names only those. Turns a schema node and a value into a text; "" when it
finds nothing wrong. Invariant: what has its own JSON form (quantities, times, int-or-string) is told as when it is read from JSON.
Source: k8s.io/apimachinery/pkg/runtime/converter.go, fromUnstructured.
"""

from __future__ import annotations

from typing import Any

from wherry.api.schema import Node
from wherry.rules.schema.decode import check

_INTEGERS = ("int32", "int64")
#: Go's kind of a type, as far as it is not the name of our node's kind
_GO_KINDS = {"float": "float64"}
#: kinds that unmarshal themselves
_OWN = ("quantity", "int_or_string", "time", "micro_time")


def mismatch(node: Node, value: Any) -> str:
    """The first thing that does not fit, in the order of the schema's fields."""
    if value is None or node.kind == "any":
        return ""
    if node.kind == "object":
        if not isinstance(value, dict):
            return f"cannot restore struct from: {_kind_of(value)}"
        return _first((sub, value.get(name)) for name, sub in node.properties.items())
    if node.kind == "map":
        if not isinstance(value, dict):
            return f"cannot restore map from {_kind_of(value)}"
        return _first((node.items, each) for each in value.values())
    if node.kind == "list":
        if not isinstance(value, list):
            return f"cannot restore slice from {_kind_of(value)}"
        return _first((node.items, each) for each in value)
    if node.kind in _OWN or (node.kind == "bytes" and isinstance(value, str)):
        return _own(node, value)
    if node.kind == "bytes":
        return "" if isinstance(value, list) else f"cannot restore slice from {_kind_of(value)}"
    return _scalar(node, value)


def _first(pairs: Any) -> str:
    return next((why for sub, each in pairs if sub is not None and (why := mismatch(sub, each))), "")


def _own(node: Node, value: Any) -> str:
    try:
        check.check(node, value)
    except ValueError as fault:
        return f"error decoding from json: {fault}" if node.kind == "bytes" else str(fault)
    return ""


def _scalar(node: Node, value: Any) -> str:
    """Numbers convert into each other when nothing is lost; other kinds only into themselves.

    Go can convert an integer to a string, so that pair has a text of its own.
    """
    wanted, kind = node.kind, _kind_of(value)
    if kind == wanted or (kind == "float64" and wanted == "float"):
        return ""
    if kind == "int64":
        if wanted in (*_INTEGERS, "float"):
            return ""
        if wanted == "string":
            return f"cannot convert int64 to {node.go_type or 'string'}"
    if kind == "float64" and wanted in _INTEGERS:
        return "" if value == int(value) else f"cannot convert float64 to {wanted}"
    return f"unrecognized type: {_GO_KINDS.get(wanted, wanted)}"


def _kind_of(value: Any) -> str:
    """The kind of the Go value that JSON decodes to."""
    if isinstance(value, dict):
        return "map"
    if isinstance(value, list):
        return "slice"
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    return "int64" if isinstance(value, int) else "float64"
