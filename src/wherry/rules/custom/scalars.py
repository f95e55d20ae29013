"""Texts and numbers against a schema: type, format, length, pattern, limits.

Called by `check`, which does objects and lists. Compiled once per schema; turns a value into faults.
Source: k8s.io/kube-openapi/pkg/validation/validate (type.go, validator.go, formats.go, values.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wherry.rules.custom import pattern
from wherry.rules.custom.formats import FORMATS, recognised

_RANGES = {"int32": 2**31, "int64": 2**63}
_MAX_FLOAT32 = 3.4028235677973366e38


class Fault(NamedTuple):
    """One thing that is wrong at `path`. `what`: a word for those with a cause of their own, else the end of the sentence about it.

    `whole`: the sentence is complete, and is about the whole object.
    """

    path: str
    what: str
    value: Any = None
    limits: tuple[Any, ...] = ()
    whole: bool = False

    def text(self, what: str) -> str:
        return f"{self.path} in body {what}"


def type_of(value: Any) -> str:
    """The JSON type, with integers told apart from other numbers."""
    for name, kinds in (("boolean", bool), ("string", str), ("integer", int), ("array", list), ("object", dict), ("number", float)):
        if isinstance(value, kinds):
            return name
    return "null"


def wrong_type(path: str, wanted: str, given: str) -> Fault:
    return Fault(path, "type", given, (wanted,))


class Scalar:
    """What a schema says about a single value."""

    __slots__ = ("_exclusive", "_format", "_given", "_length", "_limits", "_multiple", "_pattern", "_types")

    def __init__(self, schema: Mapping[str, Any], types: tuple[str, ...]) -> None:
        self._types = types
        self._format, self._given = recognised(schema), schema.get("format", "")
        self._length = schema.get("minLength"), schema.get("maxLength")
        self._limits = schema.get("minimum"), schema.get("maximum")
        self._exclusive = bool(schema.get("exclusiveMinimum")), bool(schema.get("exclusiveMaximum"))
        self._multiple = schema.get("multipleOf")
        self._pattern: str = schema.get("pattern", "")

    def type_fault(self, value: Any, path: str) -> Fault | None:
        given, types = type_of(value), self._types
        if given in types or (given == "integer" and "number" in types):
            return None
        if given == "number" and "integer" in types and value == int(value):
            return None
        return wrong_type(path, ",".join(types), given)

    def faults(self, value: Any, path: str) -> list[Fault]:
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value, path)
        return []

    def _text(self, value: str, path: str) -> list[Fault]:
        low, high = self._length
        found: list[Fault] = []
        if high is not None and len(value) > high:
            found.append(Fault(path, "too long", value, (high,)))
        elif low is not None and len(value) < low:
            found.append(Fault(path, f"should be at least {low} chars long", value))
        elif self._pattern:
            found += self._matching(value, path)
        test = FORMATS.get(self._format)
        if test is not None and not test(value):
            found.append(wrong_type(path, self._given, value))
        return found

    def _matching(self, value: str, path: str) -> list[Fault]:
        try:
            if pattern.matches(self._pattern, value):
                return []
        except ValueError as error:
            return [Fault(path, f"should match '{self._pattern}, but pattern is invalid: {error}'", value)]
        return [Fault(path, f"should match '{self._pattern}'", value)]

    def _number(self, value: float, path: str) -> list[Fault]:
        found: list[Fault] = []
        limit = _RANGES.get(self._format)
        if limit is not None and "integer" in self._types and not -limit <= value < limit:
            text = f"Checked value must be of type integer with format {self._format} in {path}"
            found.append(Fault("", text, whole=True))
        if self._format == "float" and abs(value) > _MAX_FLOAT32:
            found.append(Fault("", f"Checked value must be of type number with format float in {path}", whole=True))
        if self._multiple is not None and not _divides(self._multiple, value):
            found.append(Fault(path, f"should be a multiple of {show(self._multiple)}", value))
        low, high = self._limits
        if high is not None and (value >= high if self._exclusive[1] else value > high):
            how = "less than" if self._exclusive[1] else "less than or equal to"
            found.append(Fault(path, f"should be {how} {show(high)}", value))
        if low is not None and (value <= low if self._exclusive[0] else value < low):
            how = "greater than" if self._exclusive[0] else "greater than or equal to"
            found.append(Fault(path, f"should be {how} {show(low)}", value))
        return found


def compiled(schema: Mapping[str, Any], types: tuple[str, ...]) -> Scalar:
    return Scalar(schema, types)


def _divides(factor: float, value: float) -> bool:
    if not factor:
        return True
    times = value / factor
    return abs(times - round(times)) < 1e-9 * max(1.0, abs(times))


def show(number: float) -> str:
    """A limit as Go's %v shows it."""
    return str(int(number)) if number == int(number) and abs(number) < 1e21 else repr(number)
