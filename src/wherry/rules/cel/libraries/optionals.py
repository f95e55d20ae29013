"""Optional values: `optional.of(x)`, `.orValue(y)`, `.hasValue()`, ... (`.?` and `[?]` are syntax, `optMap` is a macro).

Source of the rule: https://pkg.go.dev/github.com/google/cel-go/cel#OptionalTypes
"""

from __future__ import annotations

from typing import Any

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.standard import MIN_TIME
from wherry.rules.cel.library import Functions
from wherry.rules.cel.values import NOTHING, Duration, Maybe, Timestamp

_ZEROS = (Duration(0), Timestamp(MIN_TIME))


def _value(maybe: Maybe) -> Any:
    if not maybe.present:
        raise CelError("optional.none() dereference")
    return maybe.value


def _of_non_zero(value: Any) -> Maybe:
    zero = value in _ZEROS if isinstance(value, (Duration, Timestamp)) else not value
    return NOTHING if zero else Maybe(value)


def _unwrap(items: list[Any]) -> list[Any]:
    return [item.value for item in items if type(item) is Maybe and item.present]


def declare(known: Functions) -> None:
    d = known.declare
    d("@@optional.of(A): optional_type(A)", Maybe, cost=lambda v: 1)
    d("@@optional.none(): optional_type(A)", lambda: NOTHING)
    d("@@optional.ofNonZeroValue(A): optional_type(A)", _of_non_zero, cost=lambda v: 1)
    d("optional_type(A).hasValue(): bool", lambda m: m.present)
    d("optional_type(A).value(): A", _value)
    d("optional_type(A).or(optional_type(A)): optional_type(A)", lambda m, other: m if m.present else other)
    d("optional_type(A).orValue(A): A", lambda m, other: m.value if m.present else other, cost=lambda m, o: 1)
    d("@@optional.unwrap(list(optional_type(A))): list(A)", _unwrap)
    d("list(optional_type(A)).unwrapOpt(): list(A)", _unwrap)
