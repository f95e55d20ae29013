"""Where and why a value does not fit its schema, in the reference's words; what is unknown is taken out on the way.

Called when the compiled normaliser met something odd, or when a body names a field twice. Turns a value into the same value without
unknown fields, with a list of strict errors (`unknown field "spec.foo"`) in the order of the body, or raises ValueError with the
message of Go's JSON decoder. Invariants: at most 100 strict errors, none twice; a malformed text ends the walk at once, a wrong type
is remembered (the first one) and the walk goes on.
Source: sigs.k8s.io/json (kubernetes_patch.go, decode.go).
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable
from typing import Any, NamedTuple

from wherry.api import field, quantity
from wherry.api.schema import SCHEMA_OR_BOOL, SCHEMA_OR_LIST, SCHEMA_OR_STRINGS, SCHEMA_PROPS, Node, definition
from wherry.rules.schema.decode import scalars
from wherry.rules.schema.decode.duplicates import Pairs
from wherry.rules.schema.decode.embedded import embedding

MAX_STRICT_ERRORS = 100
_RANGES = {"int32": 2**31, "int64": 2**63}
_CLASSES: dict[str, tuple[type, ...]] = {"string": (str,), "bool": (bool,), "float": (int, float)}


class _Place(NamedTuple):
    """Where the walk is: the path for strict errors; the innermost Go struct and the fields down to here for type errors."""

    path: str = ""
    struct: str = ""
    fields: str = ""

    def key(self, key: str) -> _Place:
        return _Place(_join(self.path, key), self.struct, self.fields)

    def element(self, i: int) -> _Place:
        return _Place(f"{self.path}[{i}]", self.struct, self.fields)

    def member(self, struct: str, key: str) -> _Place:
        fields = _join(self.fields, between) if (between := embedding(struct, key)) else self.fields
        return _Place(_join(self.path, key), struct, _join(fields, key))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def check(node: Node, value: Any) -> tuple[Any, list[str]]:
    """The value without unknown fields, and its strict errors. Raises ValueError when it does not fit."""
    walk = _Walk()
    pruned = walk.value(node, value, _Place())
    if walk.fault:
        raise ValueError(walk.fault)
    return pruned, list(walk.strict)


class _Walk:
    def __init__(self) -> None:
        self.strict: dict[str, None] = {}
        self.fault = ""

    def value(self, node: Node, value: Any, place: _Place) -> Any:
        if value is None:
            return None
        if node.kind == "object":
            return self._object(node, value, place)
        if node.kind == "map":
            return self._map(node, value, place)
        if node.kind == "list":
            return self._list(node, value, place)
        if node.kind == "any":
            return self._any(node, value, place)
        if node.kind == "bytes" and isinstance(value, list):
            return self._byte_list(value, place)
        self._scalar(node, value, place)
        return value

    def _object(self, node: Node, value: Any, place: _Place) -> Any:
        if not isinstance(value, dict):
            return self._wrong_type(value, node.go_type, place)
        out: dict[str, Any] = {}
        for key, item in self._items(value):
            child = node.properties.get(key)
            if child is None:
                self._note("unknown", _join(place.path, key))
                continue
            if key in out:
                self._note("duplicate", _join(place.path, key))
            out[key] = self.value(child, item, place.member(node.short_name, key))
        return out

    def _map(self, node: Node, value: Any, place: _Place) -> Any:
        if not isinstance(value, dict):
            return self._wrong_type(value, node.go_type, place)
        out: dict[str, Any] = {}
        for key, item in self._items(value):
            if key in out:
                self._note("duplicate", _join(place.path, key))
            out[key] = self.value(node.items, item, place.key(key)) if node.items else item
        return out

    def _list(self, node: Node, value: Any, place: _Place) -> Any:
        if not isinstance(value, list):
            return self._wrong_type(value, node.go_type, place)
        if node.items is None:
            return value
        return [self.value(node.items, item, place.element(i)) for i, item in enumerate(value)]

    def _scalar(self, node: Node, value: Any, place: _Place) -> None:
        if node.kind in _RANGES:
            if not _is_integer(value, _RANGES[node.kind]):
                self._wrong_type(value, node.go_type, place, literal=True)
        elif node.kind == "bytes":
            self._bytes(node, value, place)
        elif node.kind in _CLASSES:
            if type(value) not in _CLASSES[node.kind]:
                self._wrong_type(value, node.go_type, place)
        else:
            _custom(node, value, place)

    def _bytes(self, node: Node, value: Any, place: _Place) -> None:
        if not isinstance(value, str):
            self._wrong_type(value, node.go_type, place)
            return
        try:
            scalars.base64(value)
        except ValueError as fault:
            self.fault = self.fault or str(fault)

    def _byte_list(self, value: list[Any], place: _Place) -> str:
        """Bytes may come as a list of numbers."""
        for item in value:
            if item is not None and not (type(item) is int and 0 <= item < 256):
                self._wrong_type(item, "uint8", place, literal=True)
        return "" if self.fault else b2a_base64(bytes(item or 0 for item in value), newline=False).decode()

    def _any(self, node: Node, value: Any, place: _Place) -> Any:
        """Unions of a schema and something else read themselves: unknown fields in them are dropped without a word."""
        if node.name == SCHEMA_OR_BOOL and not isinstance(value, (bool, dict)):
            raise ValueError("boolean or JSON schema expected")
        if node.name == SCHEMA_OR_STRINGS and isinstance(value, list):
            for item in value:
                if item is not None and not isinstance(item, str):
                    raise ValueError(_message(item, "string", place))
            return ["" if item is None else item for item in value]
        if node.name == SCHEMA_OR_LIST and isinstance(value, list):
            return [_schema(item, place) for item in value]
        if node.name in (SCHEMA_OR_BOOL, SCHEMA_OR_LIST, SCHEMA_OR_STRINGS) and isinstance(value, dict):
            return _schema(value, place)
        return _plain(value)

    def _wrong_type(self, value: Any, go_type: str, place: _Place, *, literal: bool = False) -> None:
        self.fault = self.fault or _message(value, go_type, place, literal=literal)

    def _items(self, value: dict[str, Any]) -> Iterable[tuple[str, Any]]:
        return value.pairs if isinstance(value, Pairs) else value.items()

    def _note(self, what: str, path: str) -> None:
        if len(self.strict) < MAX_STRICT_ERRORS:
            self.strict[f"{what} field {field.show(path)}"] = None


def _schema(value: Any, place: _Place) -> Any:
    """A JSON schema inside a union: its first fault is told with the place of the union."""
    walk = _Walk()
    pruned = walk.value(definition(SCHEMA_PROPS), value, place)
    if walk.fault:
        raise ValueError(walk.fault)
    return pruned


def _custom(node: Node, value: Any, place: _Place) -> None:
    """Types that read themselves; their faults end the walk."""
    if node.kind == "quantity":
        quantity.quantity(value if type(value) in (str, int, float) else "?")
    elif node.kind == "int_or_string":
        if not isinstance(value, str) and not _is_integer(value, 2**31):
            raise ValueError(_message(value, "int32", place, literal=True))
    elif not isinstance(value, str):
        raise ValueError(_message(value, "string", place))
    elif node.kind == "time":
        scalars.time(value)
    else:
        scalars.micro_time(value)


def _is_integer(value: Any, limit: int) -> bool:
    return type(value) is int and -limit <= value < limit


def _message(value: Any, go_type: str, place: _Place, *, literal: bool = False) -> str:
    what = describe(value)
    if literal and what == "number":
        what = f"number {value}"
    if place.struct or place.fields:
        return f"json: cannot unmarshal {what} into Go struct field {place.struct}.{place.fields} of type {go_type}"
    return f"json: cannot unmarshal {what} into Go value of type {go_type}"


def describe(value: Any) -> str:
    """Go's word for a JSON value."""
    for word, classes in (("bool", bool), ("string", str), ("array", list), ("object", dict)):
        if isinstance(value, classes):
            return word
    return "number"


def _plain(value: Any) -> Any:
    """A raw value without the trace of duplicates."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
