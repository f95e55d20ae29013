"""Values and types as Go prints them, because messages of the reference contain them (`fmt` verb %v, `reflect.Type.String`).

Called by the patch rules for their messages.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

_TYPES: dict[type, str] = {
    dict: "map[string]interface {}",
    list: "[]interface {}",
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    type(None): "<nil>",
}


def type_name(value: Any) -> str:
    """The Go type that a JSON value decodes to."""
    return _TYPES[type(value)]


def _float(value: float) -> str:
    """%v of a float64: shortest digits, exponent form below 1e-4 and from 1e21 on."""
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = repr(value).partition("e")
    sign = "-" if exponent.startswith("-") else "+"
    return f"{mantissa.removesuffix('.0')}e{sign}{exponent.lstrip('+-').zfill(2)}"


def sprint(value: Any) -> str:
    """`map[a:1 b:[x y]]`: keys sorted, strings unquoted."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{sprint(value[k])}" for k in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(sprint, value)) + "]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _float(value) if isinstance(value, float) else str(value)


def in_given_order(value: Any) -> str:
    """A value as `field.show` writes it, but with keys in the order given: of structures whose order the reference shows."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
