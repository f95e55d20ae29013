"""Label selectors: text or a LabelSelector object to a value that says whether a set of labels matches.

The registry calls `parse` with the query parameter of lists and watches; controllers call `from_label_selector` and `from_map`.
A Selector is compiled once to a closure and cached by what it came from, so asking for it again costs a look-up.
Source: k8s.io/apimachinery/pkg/labels, metav1.LabelSelectorAsSelector; error texts are theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

import msgspec

from wherry.api.errors import BadRequest
from wherry.rules.objects import selector_syntax as syntax

Matcher = Callable[[Mapping[str, str]], bool]

_SIGNS = {"=": "=", "==": "==", "!=": "!=", "gt": ">", "lt": "<"}
_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `operator`: =, ==, !=, in, notin, exists, !, gt, lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return "!" + self.key
        values = ",".join(sorted(self.values))
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({values})"
        return f"{self.key}{_SIGNS[self.operator]}{values}"


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold. `requirements` None: matches nothing; empty: matches everything."""

    requirements: tuple[Requirement, ...] | None
    matches: Matcher = field(compare=False, repr=False)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements or ()))

    @property
    def empty(self) -> bool:
        """Matches everything."""
        return self.requirements is not None and not self.requirements

    def exact(self, label: str) -> str | None:
        """The one value that `label` must have, if there is one."""
        for requirement in self.requirements or ():
            if requirement.key == label:
                return requirement.values[0] if requirement.operator in ("=", "==", "in") and len(requirement.values) == 1 else None
        return None


def _number(text: str) -> int | None:
    value = int(text) if len(text) <= 40 and _INTEGER.fullmatch(text) else None
    return value if value is not None and -(2**63) <= value < 2**63 else None


def _compare(key: str, operator: str, text: str) -> Matcher:
    bound = _number(text)

    def matches(labels: Mapping[str, str]) -> bool:
        value = _number(labels[key]) if key in labels else None
        if value is None or bound is None:
            return False
        return value > bound if operator == "gt" else value < bound

    return matches


def _one(requirement: Requirement) -> Matcher:
    key, values = requirement.key, frozenset(requirement.values)
    match requirement.operator:
        case "=" | "==" | "in":
            return lambda labels: labels.get(key) in values
        case "!=" | "notin":
            return lambda labels: labels.get(key) not in values
        case "exists":
            return lambda labels: key in labels
        case "!":
            return lambda labels: key not in labels
    return _compare(key, requirement.operator, requirement.values[0])


def _compile(requirements: tuple[Requirement, ...]) -> Matcher:
    if not requirements:
        return lambda labels: True
    if len(requirements) == 1:
        return _one(requirements[0])
    if all(r.operator in ("=", "==") for r in requirements):
        wanted = tuple((r.key, r.values[0]) for r in requirements)

        def equal(labels: Mapping[str, str]) -> bool:
            return all(labels.get(key) == value for key, value in wanted)

        return equal
    parts = tuple(_one(r) for r in requirements)
    return lambda labels: all(part(labels) for part in parts)


def _selector(requirements: list[Requirement]) -> Selector:
    ordered = tuple(sorted(requirements, key=lambda r: r.key))
    return Selector(ordered, _compile(ordered))


NOTHING = Selector(None, lambda labels: False)
EVERYTHING = _selector([])


def _requirement(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    """A checked requirement. Raises BadRequest with what labels.NewRequirement says."""
    errors = [f"key: {text}" for text in syntax.key_errors(key)]
    if operator in ("in", "notin") and not values:
        errors.append("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    if operator in ("exists", "!") and values:
        shown = msgspec.json.encode(values).decode()
        errors.append(f"values: Invalid value: {shown}: values set must be empty for exists and does not exist")
    if operator in ("gt", "lt") and _number(values[0]) is None:
        shown = msgspec.json.encode(values[0]).decode()
        errors.append(f"values[0]: Invalid value: {shown}: for 'Gt', 'Lt' operators, the value must be an integer")
    for i, value in enumerate(values):
        errors.extend(f"values[{i}][{key}]: {text}" for text in syntax.value_errors(value))
    if errors:
        unique = list(dict.fromkeys(errors))
        raise BadRequest(unique[0] if len(unique) == 1 else "[" + ", ".join(unique) + "]")
    return Requirement(key, operator, values)


def _checked(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    try:
        return _requirement(key, operator, values)
    except BadRequest as error:
        raise BadRequest(f"unable to parse requirement: {error.message}") from None


@lru_cache(maxsize=4096)
def parse(text: str) -> Selector:
    """The selector that `text` says, as in a `labelSelector` parameter. Raises BadRequest."""
    try:
        terms = syntax.parse(text)
    except syntax.SyntaxFault as fault:
        _refuse(str(fault))
    return _selector([_checked(*term) for term in terms]) if terms else EVERYTHING


def _refuse(message: str) -> NoReturn:
    raise BadRequest(message) from None


@lru_cache(maxsize=4096)
def _from_json(encoded: bytes) -> Selector:
    obj = msgspec.json.decode(encoded)
    requirements = [_requirement(k, "=", (v,)) for k, v in (obj.get("matchLabels") or {}).items()]
    for expression in obj.get("matchExpressions") or ():
        operator = expression.get("operator", "")
        if operator not in _OPERATORS:
            raise BadRequest(f"{msgspec.json.encode(operator).decode()} is not a valid label selector operator")
        values = tuple(expression.get("values") or ())
        requirements.append(_requirement(expression.get("key", ""), _OPERATORS[operator], values))
    return _selector(requirements) if requirements else EVERYTHING


def from_label_selector(obj: Mapping[str, Any] | None) -> Selector:
    """A LabelSelector object (`matchLabels`, `matchExpressions`): None matches nothing, an empty one everything. Raises BadRequest."""
    return NOTHING if obj is None else _from_json(msgspec.json.encode(obj))


@lru_cache(maxsize=4096)
def _from_items(items: tuple[tuple[str, str], ...]) -> Selector:
    return _selector([Requirement(k, "=", (v,)) for k, v in items])


def from_map(labels: Mapping[str, str] | None) -> Selector:
    """Every label must have this value; none at all matches everything. Nothing is validated (labels.SelectorFromSet)."""
    return _from_items(tuple(labels.items())) if labels else EVERYTHING
