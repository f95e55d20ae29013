"""`"...".format([...])`: the verbs %s %d %f %e %b %x %X %o.

Called by the string library. Source of the rule: https://pkg.go.dev/github.com/google/cel-go/ext#Strings ("Format").
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.conversions import quoted, show_double, show_duration, show_timestamp
from wherry.rules.cel.values import Duration, Timestamp, TypeValue, UInt, type_name

_CLAUSE = re.compile(r"%(%|(?:\.(\d+))?(.))", re.DOTALL)
#: exponents are written raised, and thousands set apart: numbers are formatted for people who read English
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
#: a width beyond this is refused, it would only fill memory
_MAX_PRECISION = 1000


def formatted(text: str, args: list[Any]) -> str:
    """Raises CelError for a clause without an argument, or one that does not take its argument."""
    out: list[str] = []
    last = used = 0
    for match in _CLAUSE.finditer(text):
        out.append(text[last : match.start()])
        last = match.end()
        if match[1] == "%":
            out.append("%")
            continue
        if used >= len(args):
            raise CelError(f"index {used} out of range")
        out.append(_clause(match[3], int(match[2]) if match[2] else None, args[used]))
        used += 1
    if text[last:].endswith("%") and (len(text) - len(text.rstrip("%"))) % 2:
        raise CelError("unexpected end of string")
    return "".join(out) + text[last:]


def _clause(verb: str, precision: int | None, value: Any) -> str:
    if precision is not None and precision > _MAX_PRECISION:
        raise CelError(f"error during formatting: precision {precision} too large")
    if verb in "fe":
        return _fraction(verb, 6 if precision is None else precision, value)
    show = _VERBS.get(verb)
    if show is None:
        raise CelError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')
    return show(value)


def _fraction(verb: str, precision: int, value: Any) -> str:
    if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
        value = float(value.replace("Infinity", "inf"))
    if type(value) not in (float, int, UInt):
        raise _unfit(
            "fixed-point clause can only be used on doubles" if verb == "f" else "scientific clause can only be used on doubles", value
        )
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if verb == "f":
        return f"{number:,.{precision}f}"
    mantissa, _, exponent = f"{number:.{precision}e}".partition("e")
    return f"{mantissa}×10{exponent.removeprefix('+').translate(_RAISED)}"


def _unfit(what: str, value: Any) -> CelError:
    return CelError(f"error during formatting: {what}, was given {type_name(value)}")


def show(value: Any) -> str:
    """%s: any value as text."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    if kind in (int, UInt):
        return str(int(value))
    if kind is float:
        return {"+Inf": "Infinity", "-Inf": "-Infinity"}.get(show_double(value), show_double(value))
    if kind is bytes:
        return bytes(value).decode("utf-8", "replace")
    if kind is Duration:
        return show_duration(value)
    if kind is Timestamp:
        return show_timestamp(value)
    if kind is TypeValue:
        return str(value.name)
    if kind is list:
        return "[" + ", ".join(map(_nested, value)) + "]"
    if kind is dict:
        return "{" + ", ".join(f"{_nested(k)}: {_nested(v)}" for k, v in sorted(value.items(), key=lambda e: _nested(e[0]))) + "}"
    raise _unfit(
        "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps", value
    )


def _nested(value: Any) -> str:
    if type(value) in (str, bytes):
        return quoted(show(value))
    if type(value) is Timestamp:
        return f'timestamp("{show_timestamp(value)}")'
    if type(value) is Duration:
        return f'duration("{show_duration(value)}")'
    return show(value)


def _decimal(value: Any) -> str:
    if type(value) not in (int, UInt):
        raise _unfit("decimal clause can only be used on integers", value)
    return str(int(value))


def _binary(value: Any) -> str:
    if type(value) not in (int, UInt, bool):
        raise _unfit("only integers and bools can be formatted as binary", value)
    return f"{int(value):b}"


def _octal(value: Any) -> str:
    if type(value) not in (int, UInt):
        raise _unfit("octal clause can only be used on integers", value)
    return f"{int(value):o}"


def _hexadecimal(value: Any) -> str:
    if type(value) in (int, UInt):
        return f"{int(value):x}"
    if type(value) is str:
        return str(value).encode().hex()
    if type(value) is bytes:
        return bytes(value).hex()
    raise _unfit("only integers, byte buffers, and strings can be formatted as hex", value)


_VERBS: dict[str, Callable[[Any], str]] = {
    "s": show, "d": _decimal, "b": _binary, "o": _octal, "x": _hexadecimal, "X": lambda v: _hexadecimal(v).upper(),
}  # fmt: skip
