"""Sets: lists compared without order (`sets.contains`, `sets.equivalent`, `sets.intersects`).

Source of the rule: https://pkg.go.dev/github.com/google/cel-go/ext#Sets
"""

from __future__ import annotations

from typing import Any

from wherry.rules.cel.libraries.standard import size_cost
from wherry.rules.cel.library import Functions
from wherry.rules.cel.values import equal


def _contains(items: list[Any], wanted: list[Any]) -> bool:
    return all(any(equal(w, i) for i in items) for w in wanted)


def _intersects(a: list[Any], b: list[Any]) -> bool:
    return any(equal(x, y) for x in a for y in b)


def _product(a: list[Any], b: list[Any]) -> int:
    return size_cost(a) * (len(b) + 1)


def declare(known: Functions) -> None:
    known.declare("@@sets.contains(list(A), list(A)): bool", _contains, cost=_product)
    known.declare("@@sets.equivalent(list(A), list(A)): bool", lambda a, b: _contains(a, b) and _contains(b, a), cost=_product)
    known.declare("@@sets.intersects(list(A), list(A)): bool", _intersects, cost=_product)
