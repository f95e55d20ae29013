"""What a YAML scalar means: the implicit types of YAML 1.1 as the reference's library resolves them.

Called by `yaml_text` for every scalar. Turns tag and text into None, a boolean, a number, a string or the merge mark.
Source: go.yaml.in/yaml/v2 resolve.go; sigs.k8s.io/yaml for keys and for numbers on their way to JSON.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any


class _Merge:
    """The key `<<`."""


MERGE = _Merge()
_PREFIX = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
#: longer whole numbers do not fit 64 bits, in whatever base
_MAX_DIGITS = 128
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DATE = re.compile(
    r"\d{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])"
    r"(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)| \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?",
    re.ASCII,
)


def scalar(tag: str | None, text: str, *, plain: bool) -> Any:
    """The value of a scalar; `plain` when it stood without quotes and tag. Raises ValueError when a tag does not fit."""
    short = tag.removeprefix(_PREFIX) if tag else ""
    if short in ("", "!") and not plain:
        return text
    if short == "binary":
        try:
            return base64.b64decode(text, validate=False).decode("utf-8", "replace")
        except binascii.Error:
            raise ValueError("!!binary value contains invalid base64 data") from None
    if short == "str" or short not in ("", "bool", "int", "float", "null", "timestamp", "merge"):
        return text
    value = _implicit(text)
    found = _type_name(value)
    if short == "float" and found == "int":
        return value
    if short and found != short and not (short == "timestamp" and _DATE.fullmatch(text)):
        raise ValueError(f"cannot decode !!{found} `{text}` as a !!{short}")
    return value


def _implicit(text: str) -> Any:
    if text in _WORDS:
        return _finite(_WORDS[text])
    if text == "<<":
        return MERGE
    if text[0] not in "+-.0123456789" or _DATE.fullmatch(text):
        return text
    digits = text.replace("_", "") if text[0] != "." else text
    if len(digits) <= _MAX_DIGITS and _INTEGER.fullmatch(digits):
        number = _integer(digits)
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.fullmatch(digits):
        real = float(digits)
        return _number(real) if math.isfinite(real) else text
    return text


def _integer(digits: str) -> int:
    sign = -1 if digits[0] == "-" else 1
    body = digits.lstrip("+-")
    if len(body) > 1 and body[0] == "0" and body[1].isdigit():
        return sign * int(body, 8)
    return sign * int(body, 0)


def _number(value: float) -> Any:
    """JSON has one kind of number: what is whole is written without a fraction."""
    _finite(value)
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"json: unsupported value: {'NaN' if math.isnan(value) else '+Inf' if value > 0 else '-Inf'}")
    return value


def _type_name(value: Any) -> str:
    if value is MERGE:
        return "merge"
    if value is None:
        return "null"
    return {bool: "bool", int: "int", float: "float", str: "str"}[type(value)]


def key_text(key: Any) -> str:
    """A map's key as JSON needs it. Raises ValueError for what cannot be one."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, (int, float)):
        return str(key)
    raise ValueError(f"unsupported map key of type: {'%!s(<nil>)' if key is None else 'map[interface {}]interface {}'}")
