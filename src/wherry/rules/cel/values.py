"""The values of CEL in Python: JSON values as they are, and small classes for what JSON has not.

bool, int, float (double), str, bytes, list, dict and None are themselves; `UInt`, `Duration`, `Timestamp` (both in nanoseconds), `Maybe`
(optional) and `TypeValue` are here. A Python bool is never taken for an int: dispatch goes by `type(value)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wherry.rules.cel.errors import NO_OVERLOAD, CelError


class UInt(int):
    """An unsigned integer: apart from int, and equal to one of the same value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    nanos: int


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """Nanoseconds since 1970-01-01T00:00:00Z."""

    nanos: int


@dataclass(frozen=True, slots=True)
class Maybe:
    """An optional value; `NOTHING` is the empty one."""

    value: Any
    present: bool = True


NOTHING = Maybe(None, False)


@dataclass(frozen=True, slots=True)
class TypeValue:
    """What `type(x)` gives."""

    name: str


class Lazy(Mapping[str, Any]):
    """A map whose values are worked out when first asked for: `variables` of a policy."""

    def __init__(self, thunks: Mapping[str, Any]) -> None:
        self._thunks = thunks
        self._known: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._known:
            self._known[key] = self._thunks[key]()
        return self._known[key]

    def __iter__(self) -> Any:
        return iter(self._thunks)

    def __len__(self) -> int:
        return len(self._thunks)


_NAMES: dict[type, str] = {
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Lazy: "map",
    type(None): "null_type",
    Duration: "google.protobuf.Duration",
    Timestamp: "google.protobuf.Timestamp",
    Maybe: "optional_type",
    TypeValue: "type",
}
_NUMBERS = (int, float, UInt)


def type_name(value: Any) -> str:
    """The name of a value's type as CEL shows it; library types carry theirs as `cel_type`."""
    name = _NAMES.get(type(value))
    return name if name is not None else str(getattr(value, "cel_type", type(value).__name__))


def equal(a: Any, b: Any) -> bool:
    """CEL equality: numbers by value across types, lists and maps deep, everything else only within its type."""
    ta, tb = type(a), type(b)
    if ta is tb:
        if ta is list:
            return len(a) == len(b) and all(map(equal, a, b))
        if ta is dict:
            return len(a) == len(b) and all(k in b and equal(v, b[k]) for k, v in a.items())
        if ta is Maybe:
            return a.present == b.present and (not a.present or equal(a.value, b.value))
        return bool(a == b)
    if ta in _NUMBERS and tb in _NUMBERS:
        return bool(a == b)
    return False


def _mixed(a: Any, b: Any) -> CelError:
    return CelError(NO_OVERLOAD)


_ORDERED = frozenset({bool, str, bytes, Duration, Timestamp})


def less(a: Any, b: Any) -> bool:
    """`a < b`; raises CelError for values without an order between them."""
    ta, tb = type(a), type(b)
    if (ta is tb and ta in _ORDERED) or (ta in _NUMBERS and tb in _NUMBERS):
        return bool(a < b)
    raise _mixed(a, b)


def less_equal(a: Any, b: Any) -> bool:
    ta, tb = type(a), type(b)
    if (ta is tb and ta in _ORDERED) or (ta in _NUMBERS and tb in _NUMBERS):
        return bool(a <= b)
    raise _mixed(a, b)
