"""Quantities: `quantity("1.5Gi")`, compared and added exactly.

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from wherry.api import quantity
from wherry.rules.cel.errors import CelError
from wherry.rules.cel.library import Functions


@dataclass(frozen=True, slots=True)
class Quantity:
    cel_type: ClassVar[str] = "kubernetes.Quantity"

    value: Fraction


def _quantity(text: str) -> Quantity:
    if not text:
        raise CelError(quantity.WRONG_FORMAT)
    try:
        return Quantity(quantity.parse(text))
    except ValueError as error:
        raise CelError(str(error)) from None


def _is_quantity(text: str) -> bool:
    try:
        _quantity(text)
    except CelError:
        return False
    return True


def _is_integer(q: Quantity) -> bool:
    return q.value.denominator == 1 and -(2**63) <= q.value < 2**63


def _as_integer(q: Quantity) -> int:
    if not _is_integer(q):
        raise CelError("cannot convert value to integer")
    return q.value.numerator


def _compare(a: Quantity, b: Quantity) -> int:
    return (a.value > b.value) - (a.value < b.value)


def declare(known: Functions) -> None:
    d = known.declare
    d("@@quantity(string): kubernetes.Quantity", _quantity)
    d("@@isQuantity(string): bool", _is_quantity)
    d("<kubernetes.Quantity>.sign(): int", lambda q: (q.value > 0) - (q.value < 0))
    d("<kubernetes.Quantity>.isGreaterThan(kubernetes.Quantity): bool", lambda a, b: a.value > b.value)
    d("<kubernetes.Quantity>.isLessThan(kubernetes.Quantity): bool", lambda a, b: a.value < b.value)
    d("<kubernetes.Quantity>.compareTo(kubernetes.Quantity): int", _compare)
    d("<kubernetes.Quantity>.asApproximateFloat(): double", lambda q: float(q.value))
    d("<kubernetes.Quantity>.asInteger(): int", _as_integer)
    d("<kubernetes.Quantity>.isInteger(): bool", _is_integer)
    d("<kubernetes.Quantity>.add(kubernetes.Quantity): kubernetes.Quantity", lambda a, b: Quantity(a.value + b.value))
    d("<kubernetes.Quantity>.add(int): kubernetes.Quantity", lambda a, b: Quantity(a.value + b))
    d("<kubernetes.Quantity>.sub(kubernetes.Quantity): kubernetes.Quantity", lambda a, b: Quantity(a.value - b.value))
    d("<kubernetes.Quantity>.sub(int): kubernetes.Quantity", lambda a, b: Quantity(a.value - b))
