"""The round trip through the reference's Go types, compiled: zeros dropped, canonical texts, what is always written.

Called on every write. Turns a decoded JSON value into the value that the reference would store for it. Invariants: the input is not
changed, parts that stay as they are come back as the same objects; normalising twice gives the same. What does not fit the schema
raises `Misfit` without saying where: `check` finds out (it walks the same Nodes, slowly, and knows the paths).
Source: Go's encoding/json over staging/src/k8s.io/api; k8s.io/apimachinery quantity.go, time.go, intstr.go.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from wherry.api import quantity
from wherry.api.schema import SCHEMA_OR_BOOL, SCHEMA_OR_LIST, SCHEMA_OR_STRINGS, SCHEMA_PROPS, Node, definition
from wherry.rules.schema.decode import scalars, zero

Run = Callable[[Any], Any]
#: (class of a non-zero value that passes as it is, what to do with any other)
Field = tuple[type | None, Run]

_LIMITS = {"int32": 2**31, "int64": 2**63}


class Misfit(Exception):
    """The value has a wrong type, a malformed text or an unknown field somewhere."""


class _Drop:
    """The field is left out."""


DROP = _Drop()


@cache
def of_definition(name: str) -> Run:
    """The normaliser of a definition's values."""
    return struct(definition(name))


def value(node: Node) -> Run:
    """The normaliser of values other than null at one place."""
    if node.kind == "object":
        return _lazily(lambda: of_definition(node.name)) if node.name else _lazily(lambda: struct(node))
    if node.kind == "list":
        return _list(node)
    if node.kind == "map":
        return _map(node)
    if node.kind in _LIMITS:
        return _integer(node.kind)
    if node.kind == "any":
        return _UNIONS.get(node.name, _as_it_is)
    return _SCALARS[node.kind]


def struct(node: Node) -> Run:
    """The normaliser of an object with fields."""
    keep_empty = zero.keeps_empty(node.name)
    counts = zero.EMPTY_COUNTS.get(node.name, frozenset())
    fields = {key: _field(child, keep_empty, key in counts) for key, child in node.properties.items()}
    always = tuple(zero.written(node))
    get = fields.get

    def run(obj: Any) -> Any:
        if obj.__class__ is not dict:
            raise Misfit
        out = obj
        for key, item in obj.items():
            field = get(key)
            if field is None:
                raise Misfit
            if item and item.__class__ is field[0]:
                continue
            new = field[1](item)
            if new is item:
                continue
            if out is obj:
                out = obj.copy()
            if new is DROP:
                del out[key]
            else:
                out[key] = new
        for key, make in always:
            if key not in out:
                if out is obj:
                    out = obj.copy()
                out[key] = make()
        return out

    return run


def _field(node: Node, keep_empty: bool, empty_counts: bool) -> Field:
    if node.kind in _LIMITS:
        return None, _integer_field(_LIMITS[node.kind], node.pointer or node.always)
    run = value(node)
    if node.kind in ("list", "map"):
        return None, _collection_field(run, empty_counts or node.pointer or (node.always and keep_empty))
    if node.kind in ("object", "any"):
        return None, lambda item: DROP if item is None else run(item)
    return {"string": str, "bool": bool}.get(node.kind), _scalar_field(run, node.pointer or node.always)


def _scalar_field(run: Run, keep: bool) -> Run:
    def field(item: Any) -> Any:
        if item is None:
            return DROP
        new = run(item)
        return DROP if new is None or not (new or keep) else new

    return field


def _integer_field(limit: int, keep: bool) -> Run:
    def field(item: Any) -> Any:
        if item.__class__ is int and -limit <= item < limit:
            return item if item or keep else DROP
        if item is None:
            return DROP
        raise Misfit

    return field


def _collection_field(run: Run, empty_is_kept: bool) -> Run:
    def field(item: Any) -> Any:
        if item is None:
            return DROP
        new = run(item)
        return new if new or empty_is_kept else DROP

    return field


def _lazily(make: Callable[[], Run]) -> Run:
    """A normaliser compiled when its first value comes: most of a big schema is never used, and schemas may contain themselves."""
    found: Run | None = None

    def run(obj: Any) -> Any:
        nonlocal found
        if found is None:
            found = make()
        return found(obj)

    return run


def _list(node: Node) -> Run:
    each = _element(node.items)

    def run(items: Any) -> Any:
        if items.__class__ is not list:
            raise Misfit
        out = items
        for i, item in enumerate(items):
            new = each(item)
            if new is not item:
                if out is items:
                    out = items.copy()
                out[i] = new
        return out

    return run


def _map(node: Node) -> Run:
    each = _element(node.items)

    def run(obj: Any) -> Any:
        if obj.__class__ is not dict:
            raise Misfit
        out = obj
        for key, item in obj.items():
            new = each(item)
            if new is not item:
                if out is obj:
                    out = obj.copy()
                out[key] = new
        return out

    return run


def _element(node: Node | None) -> Run:
    """Elements are never left out: a null becomes the zero of its type."""
    if node is None:
        return _as_it_is
    run, empty = value(node), "" if node.kind == "bytes" else None

    def element(item: Any) -> Any:
        if item is None:
            return zero.zero(node) if empty is None else empty
        return run(item)

    return element


def _as_it_is(item: Any) -> Any:
    return item


def _of_class(*classes: type) -> Run:
    def run(item: Any) -> Any:
        if item.__class__ in classes:
            return item
        raise Misfit

    return run


def _integer(kind: str) -> Run:
    limit = _LIMITS[kind]

    def run(item: Any) -> Any:
        if item.__class__ is int and -limit <= item < limit:
            return item
        raise Misfit

    return run


def _text(read: Callable[[str], str | None]) -> Run:
    def run(item: Any) -> Any:
        if item.__class__ is not str:
            raise Misfit
        try:
            text = read(item)
        except ValueError:
            raise Misfit from None
        return item if text == item else text

    return run


def _quantity(item: Any) -> Any:
    if item.__class__ is not str and item.__class__ is not int and item.__class__ is not float:
        raise Misfit
    try:
        text = quantity.canonical(item)
    except ValueError:
        raise Misfit from None
    return item if text == item else text


def _int_or_string(item: Any) -> Any:
    if item.__class__ is str or (item.__class__ is int and -(2**31) <= item < 2**31):
        return item
    raise Misfit


_SCALARS: dict[str, Run] = {
    "string": _of_class(str),
    "bool": _of_class(bool),
    "float": _of_class(float, int),
    "bytes": _text(scalars.base64),
    "quantity": _quantity,
    "int_or_string": _int_or_string,
    "time": _text(scalars.time),
    "micro_time": _text(scalars.micro_time),
}


def _schema_or_bool(item: Any) -> Any:
    return item if item.__class__ is bool else of_definition(SCHEMA_PROPS)(item)


def _schema_or_list(item: Any) -> Any:
    if item.__class__ is list:
        run = of_definition(SCHEMA_PROPS)
        return [run({} if one is None else one) for one in item] or None
    return of_definition(SCHEMA_PROPS)(item) if item.__class__ is dict else None


def _schema_or_strings(item: Any) -> Any:
    if item.__class__ is list:
        if not all(one.__class__ is str for one in item):
            raise Misfit
        return item or None
    return of_definition(SCHEMA_PROPS)(item) if item.__class__ is dict else None


_UNIONS: dict[str, Run] = {SCHEMA_OR_BOOL: _schema_or_bool, SCHEMA_OR_LIST: _schema_or_list, SCHEMA_OR_STRINGS: _schema_or_strings}
