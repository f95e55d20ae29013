"""JSONPath templates applied to an object.

Called by printer columns and field selectors of custom resources, and by kubectl's `get -o jsonpath`, custom columns, `--sort-by` and
`wait --for=jsonpath`. `find` gives the values each piece of the template
selects, `render` their text. With `missing` a field that is not there selects nothing; without it, it is an error.
Source: client-go util/jsonpath/jsonpath.go.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from wherry.rules.texts.jsonpath.nodes import (
    Action,
    Field,
    Filter,
    JsonPathError,
    Literal,
    Recursive,
    Slice,
    Step,
    Template,
    Union,
    Wildcard,
    Word,
)
from wherry.rules.texts.jsonpath.parse import parse
from wherry.rules.texts.jsonpath.texts import compact, indented, plain

_RELAXED = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
}
_parsed = lru_cache(maxsize=256)(parse)


def relaxed(path: str) -> str:
    """`a.b`, `.a.b` and `{a.b}` as `{.a.b}`."""
    if not path:
        return path
    found = _RELAXED.fullmatch(path)
    if found is None:
        raise JsonPathError("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'")
    return "{." + (found.group(1) or found.group(2)) + "}"


def find(template: str, value: Any, *, missing: bool = True) -> list[list[Any]]:
    """The values that each text and action of the template selects."""
    return _Run(missing).nodes(_parsed(template), 0, value)[0]


def render(template: str, value: Any, *, missing: bool = True, as_json: bool = False) -> str:
    """The text of the template for this object."""
    results = find(template, value, missing=missing)
    if as_json:
        return "".join(indented(found) + "\n" for found in results)
    return "".join(" ".join(map(_shown, found)) for found in results)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return compact(value)
    return "null" if value is None else plain(value)


class _Run:
    def __init__(self, missing: bool) -> None:
        self._missing = missing

    def nodes(self, template: Template, at: int, value: Any, *, inside: bool = False) -> tuple[list[list[Any]], int]:
        """Results from a node on, and where they stop: after the end of the range they are in, or of the template."""
        results: list[list[Any]] = []
        while at < len(template):
            node = template[at]
            at += 1
            if isinstance(node, Literal):
                results.append([node.value])
                continue
            word = next((s.name for s in node.steps if isinstance(s, Word)), "")
            if word == "end":
                if not inside:
                    raise JsonPathError("not in range, nothing to end")
                return results, at
            found = self.steps(node, [value])
            if word != "range":
                results.append(found)
                continue
            at = self._range(template, at, found, results)
        return results, at

    def _range(self, template: Template, at: int, values: list[Any], results: list[list[Any]]) -> int:
        end = at
        for value in values:
            inner, end = self.nodes(template, at, value, inside=True)
            results.extend(inner)
        if not values:
            end = self.nodes(template, at, None, inside=True)[1]
        return end

    def steps(self, action: Action, values: list[Any]) -> list[Any]:
        for step in action.steps:
            values = self._step(step, values)
        return values

    def _step(self, step: Step, values: list[Any]) -> list[Any]:
        match step:
            case Literal(value):
                return [value] if isinstance(value, str) else [value for _ in values]
            case Field(name):
                return self._field(name, values)
            case Wildcard():
                return [child for value in values for child in _children(value)]
            case Recursive():
                return _recursive(values)
            case Slice():
                return [item for value in values if value is not None for item in _sliced(step, value)]
            case Union(parts):
                return [item for part in parts for item in self.steps(part, values)]
            case Filter():
                return [item for value in values for item in self._filtered(step, value)]
            case Word("range" | "end"):
                return values
            case Word(name):
                raise JsonPathError(f"unrecognized identifier {name}")

    def _field(self, name: str, values: list[Any]) -> list[Any]:
        if not values:
            return []
        found = [value[name] for value in values if isinstance(value, dict) and name in value]
        if not found and not self._missing:
            raise JsonPathError(f"{name} is not found")
        return found

    def _filtered(self, step: Filter, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise JsonPathError(f"{plain(value)} is not array or slice and cannot be filtered")
        return [item for item in value if self._passes(step, item)]

    def _passes(self, step: Filter, item: Any) -> bool:
        try:
            lefts = self.steps(step.left, [item])
        except JsonPathError:
            if step.operator == "exists":
                return False
            raise
        if step.operator == "exists":
            return bool(lefts)
        rights = self.steps(step.right, [item])
        if not lefts or not rights:
            return False
        if len(lefts) > 1 or len(rights) > 1:
            raise JsonPathError("can only compare one element at a time")
        compare = _OPERATORS.get(step.operator)
        if compare is None:
            raise JsonPathError(f"unrecognized filter operator {step.operator}")
        try:
            return bool(compare(lefts[0], rights[0]))
        except TypeError:
            raise JsonPathError("incompatible types for comparison") from None


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list) else []


def _recursive(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        children = _children(value)
        if children:
            found.append(value)
            found.extend(_recursive(children))
    return found


def _sliced(step: Slice, value: Any) -> list[Any]:
    if not isinstance(value, list):
        kind = {dict: "map[string]interface {}", str: "string", bool: "bool", int: "int64", float: "float64"}.get(type(value), "<nil>")
        raise JsonPathError(f"{kind} is not array or slice")
    size = len(value)
    start = step.start or 0
    start += size if start < 0 else 0
    stop = size if step.stop is None else step.stop
    stop += size if stop < 0 or (stop == 0 and step.derived) else 0
    if start == stop:
        return []
    if not 0 <= start < size:
        raise JsonPathError(f"array index out of bounds: index {start}, length {size}")
    if not 0 <= stop <= size:
        raise JsonPathError(f"array index out of bounds: index {stop - 1}, length {size}")
    if start > stop:
        raise JsonPathError(f"starting index {start} is greater than ending index {stop}")
    if step.step is not None and step.step <= 0:
        raise JsonPathError("step must be > 0")
    return value[start : stop : step.step or 1]
