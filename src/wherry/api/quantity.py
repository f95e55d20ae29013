"""Quantities: texts such as `500m`, `1Gi`, `1e3` as exact numbers, and back in canonical form.

Called by decoding (canonical text), validation, scheduling and quota. Invariant: every quantity is a whole number of
nano-units, so `nano` is exact; what is smaller is rounded away from zero, as the reference does.
Source of the rule: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ and
k8s.io/apimachinery/pkg/api/resource (quantity.go, suffix.go), its oddities included: a text is kept as it came when the
reference's fast scan holds it for canonical (`1.500` stays, `0.500` becomes `500m`).
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

Format = Literal["DecimalSI", "BinarySI", "DecimalExponent"]
Text = str | int | float

DECIMAL_SI: Format = "DecimalSI"
BINARY_SI: Format = "BinarySI"
DECIMAL_EXPONENT: Format = "DecimalExponent"

WRONG_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
WRONG_NUMBER = "unable to parse numeric part of quantity"
WRONG_SUFFIX = "unable to parse quantity's suffix"

_SHAPE = re.compile(r"([+-]?)(0*)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {0: "", **{exponent: suffix for suffix, exponent in _BINARY.items()}}
_NANO = 10**9
_MAX_BINARY = (2**63 - 1) * _NANO
#: powers of ten beyond this count as this one, so that `1e999999999` cannot exhaust memory
_MAX_EXPONENT = 512
#: numbers with more digits are refused: reading them takes time that grows with the square
_MAX_DIGITS = 4000


class Quantity(NamedTuple):
    """A parsed quantity: its value in nano-units, how it was written, its canonical text, and whether the reference holds it as an int64
    with a power of ten (else as a number of any size)."""

    nano: int
    format: Format
    text: str
    short: bool

    @property
    def value(self) -> Fraction:
        return Fraction(self.nano, _NANO)


@lru_cache(maxsize=8192)
def _scan(text: str) -> Quantity:
    shape = _SHAPE.fullmatch(text)
    if not text or shape is None:
        raise ValueError(WRONG_FORMAT)
    sign, zeros, digits, decimals, suffix = shape.groups()
    decimals = decimals or ""
    base, exponent, format_ = _suffix(suffix)
    number = (digits or "0") + decimals
    if len(number) > _MAX_DIGITS:
        raise ValueError(WRONG_NUMBER)
    if base == 2:
        exact = not decimals and 14 - len(digits or "0") - int(exponent * 3 / 10) >= 0
        kept = exact and int(number) & 7 != 0
        nano = int(number) * 2**exponent * _NANO
        nano = _divide_up(nano, 10 ** len(decimals))
    else:
        scale = exponent - len(decimals)
        exact = len(number) <= 18 and scale >= -9
        kept = exact and scale % 3 == 0 and not number.endswith("000") and number[0] != "0"
        nano = _scaled(int(number), scale + 9)
    if not exact:
        if not zeros + digits + decimals:
            raise ValueError(WRONG_NUMBER)
        if base == 2:
            nano = min(nano, _MAX_BINARY)
            format_ = DECIMAL_SI if 0 < nano < _NANO else format_
    nano = -nano if sign == "-" else nano
    return Quantity(nano, format_, text if kept else _canonical(nano, format_), exact)


def _suffix(suffix: str) -> tuple[int, int, Format]:
    """Base, exponent and format that a suffix says."""
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], DECIMAL_SI
    if suffix in _BINARY:
        return 2, _BINARY[suffix], BINARY_SI
    if len(suffix) > 1 and suffix[0] in "eE":
        try:
            return 10, int(suffix[1:]), DECIMAL_EXPONENT
        except ValueError:
            pass  # the same error as for any other suffix
    raise ValueError(WRONG_SUFFIX)


def _divide_up(number: int, divisor: int) -> int:
    return -(-number // divisor)


def _scaled(number: int, exponent: int) -> int:
    """`number * 10**exponent`, rounded up."""
    if exponent >= 0:
        return number * _power_of_ten(exponent)
    return _divide_up(number, _power_of_ten(-exponent))


def _power_of_ten(exponent: int) -> int:
    return int(10 ** min(exponent, _MAX_EXPONENT))


def _canonical(nano: int, format_: Format) -> str:
    if nano == 0:
        return "0"
    if format_ == BINARY_SI:
        whole, rest = divmod(nano, _NANO)
        if not rest and abs(whole) >= 1024:
            exponent = 0
            while whole % 1024 == 0:
                whole //= 1024
                exponent += 10
            return f"{whole}{_BINARY_SUFFIX.get(exponent, '')}"
        format_ = DECIMAL_SI
    exponent = -9
    while nano % 1000 == 0:
        nano //= 1000
        exponent += 3
    if format_ == DECIMAL_SI:
        return f"{nano}{_DECIMAL_SUFFIX.get(exponent, '')}"
    return f"{nano}e{exponent}" if exponent else str(nano)


def quantity(value: Text) -> Quantity:
    """What a JSON string or number says as a quantity. Raises ValueError with the reference's text."""
    return _scan(value.strip() if isinstance(value, str) else str(value))


def parse(value: Text) -> Fraction:
    """The exact value. Raises ValueError with the reference's text."""
    return quantity(value).value


def canonical(value: Text) -> str:
    """The text that the API server stores: `0.5` gives `500m`, `1024Mi` gives `1Gi`."""
    return quantity(value).text


def nano(value: Text) -> int:
    """The exact value in nano-units: the quickest form to add and compare."""
    return quantity(value).nano


def milli(value: Text) -> int:
    """The value in milli-units, rounded up (Quantity.MilliValue)."""
    return _divide_up(quantity(value).nano, 10**6)


def overflowing_milli(value: Text) -> int:
    """The value in milli-units as the reference's int64 holds it: too much is 0 or wraps around, by how the quantity is held."""
    found, wanted = quantity(value), milli(value)
    if -(2**63) <= wanted < 2**63:
        return wanted
    return 0 if found.short else (wanted + 2**63) % 2**64 - 2**63


def to_int(value: Text) -> int:
    """The value in units, rounded up (Quantity.Value)."""
    return _divide_up(quantity(value).nano, _NANO)


def format_(value: Fraction | int, fmt: Format = DECIMAL_SI) -> str:
    """A number as canonical text; what is smaller than a nano-unit is rounded up."""
    scaled = value * _NANO
    return _canonical(_divide_up(scaled.numerator, scaled.denominator), fmt)


def compare(a: Text, b: Text) -> int:
    """-1, 0 or 1: a is less than, equal to or more than b."""
    left, right = quantity(a).nano, quantity(b).nano
    return (left > right) - (left < right)


def add(a: Text, b: Text) -> str:
    """The sum in the format of `a`, or of `b` when `a` is zero (Quantity.Add)."""
    left, right = quantity(a), quantity(b)
    return _canonical(left.nano + right.nano, left.format if left.nano else right.format)


def subtract(a: Text, b: Text) -> str:
    """The difference in the format of `a`, or of `b` when `a` is zero (Quantity.Sub)."""
    left, right = quantity(a), quantity(b)
    return _canonical(left.nano - right.nano, left.format if left.nano else right.format)
