"""Lists: Kubernetes's `isSorted`, `sum`, `min`, `max`, `indexOf`, `lastIndexOf`, and cel-go's list extension (version 3).

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library and https://pkg.go.dev/github.com/google/cel-go/ext#Lists
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from wherry.rules.cel.errors import NO_OVERLOAD, CelError
from wherry.rules.cel.folds import ordered
from wherry.rules.cel.libraries.standard import size_cost
from wherry.rules.cel.library import Functions
from wherry.rules.cel.values import NOTHING, Duration, Maybe, UInt, equal, less

_COMPARABLE = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_MAX_RANGE = 1_000_000


def _is_sorted(items: list[Any]) -> bool:
    return not any(less(b, a) for a, b in pairwise(items))


def _sum(zero: Any) -> Callable[[list[Any]], Any]:
    def add(items: list[Any]) -> Any:
        if not items:
            return zero
        kind = type(items[0])
        if kind not in (int, UInt, float, Duration) or any(type(i) is not kind for i in items):
            raise CelError(NO_OVERLOAD)
        total = sum(i.nanos for i in items) if kind is Duration else sum(items)
        if kind is not float and not (0 if kind is UInt else -(2**63)) <= total < (2**64 if kind is UInt else 2**63):
            raise CelError("integer overflow")
        return kind(total)

    return add


def _best(name: str, better: Callable[[Any, Any], bool]) -> Callable[[list[Any]], Any]:
    def choose(items: list[Any]) -> Any:
        if not items:
            raise CelError(f"{name} called on empty list")
        best = items[0]
        for item in items[1:]:
            if better(item, best):
                best = item
        return best

    return choose


def _index_of(items: list[Any], item: Any) -> int:
    return next((i for i, found in enumerate(items) if equal(found, item)), -1)


def _last_index_of(items: list[Any], item: Any) -> int:
    return next((i for i in range(len(items) - 1, -1, -1) if equal(items[i], item)), -1)


def _range(count: int) -> list[int]:
    if count > _MAX_RANGE:
        raise CelError(f"lists.range() size exceeds limit: {count}")
    return list(range(count))


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise CelError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise CelError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise CelError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _flatten(items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    out: list[Any] = []
    for item in items:
        if type(item) is list and depth > 0:
            out.extend(_flatten(item, depth - 1))
        else:
            out.append(item)
    return out


def _distinct(items: list[Any]) -> list[Any]:
    seen: set[Any] = set()
    out: list[Any] = []
    for item in items:
        if type(item) in (str, int):
            if item not in seen:
                seen.add(item)
                out.append(item)
        elif not any(equal(item, known) for known in out):
            out.append(item)
    return out


def _sort(items: list[Any]) -> list[Any]:
    return [item for _, item in ordered([(item, item) for item in items])]


def _square(items: list[Any]) -> int:
    plain = all(type(i) in (str, int) for i in items)
    return len(items) + 1 if plain else size_cost(items) * len(items) // 2 + 1


def declare(known: Functions) -> None:
    d = known.declare
    zeros: dict[str, Any] = {"int": 0, "uint": UInt(0), "double": 0.0, "duration": Duration(0)}
    for kind in _COMPARABLE:
        d(f"list({kind}).isSorted(): bool", _is_sorted, cost=size_cost)
        d(f"list({kind}).min(): {kind}", _best("min", less), cost=size_cost)
        d(f"list({kind}).max(): {kind}", _best("max", lambda a, b: less(b, a)), cost=size_cost)
        if kind in zeros:
            d(f"list({kind}).sum(): {kind}", _sum(zeros[kind]), cost=size_cost)
    d("list(A).indexOf(A): int", _index_of, cost=lambda items, item: size_cost(items))
    d("list(A).lastIndexOf(A): int", _last_index_of, cost=lambda items, item: size_cost(items))
    d("@@lists.range(int): list(int)", _range, cost=lambda n: max(0, n))
    d("list(A).slice(int, int): list(A)", _slice)
    d("list(A).flatten(): list(dyn)", _flatten, cost=size_cost)
    d("list(A).flatten(int): list(dyn)", _flatten, cost=lambda items, n: size_cost(items))
    d("list(A).distinct(): list(A)", _distinct, cost=_square)
    d("list(A).reverse(): list(A)", lambda items: items[::-1])
    d("list(A).sort(): list(A)", _sort, cost=lambda items: size_cost(items) * max(1, len(items).bit_length()))
    d("list(A).first(): optional_type(A)", lambda items: Maybe(items[0]) if items else NOTHING, cost=lambda items: 1)
    d("list(A).last(): optional_type(A)", lambda items: Maybe(items[-1]) if items else NOTHING, cost=lambda items: 1)
