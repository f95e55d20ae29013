"""Validation rules in CEL (`x-kubernetes-validations`) over custom objects.

Called by the strategy of a custom kind when everything else about an object is in order, and by `rule_validation` to compile rules before
they are stored. Compiled once per schema; turns an object, and on an update the one before, into causes. Rules that speak of `oldSelf` are
run where there is an old value to compare with. On an update a rule that a value broke before may stay broken (ratcheting), unless it
speaks of `oldSelf`. Invariant: all rules of one object together cost no more than `TOTAL_LIMIT`.
Source: KEP-2876; k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel (validation.go, compilation.go).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, key, required
from wherry.api.objects import Obj
from wherry.rules import cel
from wherry.rules.cel import CelError, CompileError, CostExceeded
from wherry.rules.cel.program import Budget, Program
from wherry.rules.cel.schemas import type_of, value_of
from wherry.rules.cel.types import BOOL, DYN, STRING, Type, optional_of
from wherry.rules.cel.values import NOTHING, Maybe
from wherry.rules.custom.check import APART
from wherry.rules.custom.structural import Structural

_NO_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_LINES = re.compile(r"[\n\r]")


class Rule(NamedTuple):
    """A compiled rule. `program` None: `fault` says why there is none."""

    program: Program | None
    message: Program | None
    said: Mapping[str, Any]
    uses_old: bool
    fault: str = ""
    message_fault: str = ""

    @property
    def text(self) -> str:
        return str(self.said.get("message") or self.said.get("rule", "")).strip()

    @property
    def default_message(self) -> str:
        return self.text if self.said.get("message") else f"failed rule: {self.text}"


def compile_rules(schema: Structural) -> list[Rule]:
    """The rules of one place."""
    if not schema.rules:
        return []
    own = type_of(schema.schema)
    return [_compile(rule, own) for rule in schema.rules]


def _compile(rule: Mapping[str, Any], own: Type) -> Rule:
    old = optional_of(own) if rule.get("optionalOldSelf") else own
    names = {"self": own, "oldSelf": old}
    program = message = None
    fault = message_fault = ""
    try:
        program = cel.compile(rule.get("rule", ""), names)
        if program.type not in (BOOL, DYN):
            program, fault = None, "cel expression must evaluate to a bool"
    except CompileError as error:
        fault = f"compilation failed: {error}"
    if program is not None and rule.get("messageExpression"):
        try:
            message = cel.compile(rule["messageExpression"], names)
            if message.type not in (STRING, DYN):
                message, message_fault = None, "messageExpression must evaluate to a string"
        except CompileError as error:
            message_fault = f"messageExpression compilation failed: {error}"
    return Rule(program, message, rule, program is not None and "oldSelf" in program.names, fault, message_fault)


def compiled(root: Structural) -> Callable[[Obj, Obj | None], Errors]:
    """The check of whole objects."""
    tree = _Place(root)

    def check(obj: Obj, old: Obj | None) -> Errors:
        run = _Run()
        try:
            run.place(tree, obj, APART if old is None else old, "", old is not None and obj == old, old is not None)
        except CostExceeded:
            run.errors.append(Cause("FieldValueInvalid", f'Invalid value: "{run.type}": {_NO_BUDGET}', run.path or "<nil>"))
        return run.errors

    return check


class _Place:
    """One place of the schema with its rules, and the places below that have some."""

    __slots__ = ("additional", "all_of", "correlates", "items", "keys", "properties", "rules", "schema")

    def __init__(self, schema: Structural) -> None:
        self.schema = schema
        self.rules = compile_rules(schema)
        self.properties = {name: _Place(below) for name, below in schema.properties.items() if below.some_rule}
        self.additional = _Place(schema.additional) if schema.additional is not None and schema.additional.some_rule else None
        self.items = _Place(schema.items) if schema.items is not None and schema.items.some_rule else None
        self.keys = schema.list_keys if schema.list_type == "map" else ()
        self.correlates = schema.map_type in ("", "granular")


class _Run:
    """The rules run over one object. `path` and `type` are where it is, for the error that ends it."""

    def __init__(self) -> None:
        self.errors: Errors = []
        self.budget = Budget(cel.TOTAL_LIMIT)
        self.path = self.type = ""

    def place(self, at: _Place, value: Any, old: Any, path: str, same: bool, update: bool) -> None:
        """`same`: the value, or what it is part of, is what it was before. Raises CostExceeded."""
        if value is None:
            return
        if at.rules:
            self._rules(at, value, None if old is APART else old, path, same)
        if isinstance(value, dict):
            for below, item, before, where in _fields(at, value, old, path):
                self.place(below, item, before, where, same or (before is not APART and item == before), update)
        elif isinstance(value, list) and at.items is not None:
            before_of = _correlation(at.keys, old)
            for i, item in enumerate(value):
                before = before_of(item)
                self.place(at.items, item, before, index(path, i), same or (before is not APART and item == before), update)

    def _rules(self, at: _Place, value: Any, old: Any, path: str, same: bool) -> None:
        self.path, self.type = path, at.schema.type
        try:
            own = value_of(value, at.schema.schema)
            before = None if old is None else value_of(old, at.schema.schema)
        except CelError as error:
            self.errors.append(invalid(path or "<nil>", at.schema.type, error.message))
            return
        for rule in at.rules:
            self._rule(rule, at.schema, own, before, value, path, same)

    def _rule(self, rule: Rule, schema: Structural, own: Any, before: Any, value: Any, path: str, same: bool) -> None:
        where = path or "<nil>"
        if rule.program is None:
            self.errors.append(invalid(where, schema.type, f"rule compile error: {rule.fault}"))
            return
        optional = bool(rule.said.get("optionalOldSelf"))
        if rule.uses_old and before is None and not optional:
            return
        bindings = {"self": own, "oldSelf": (NOTHING if before is None else Maybe(before)) if optional else before}
        try:
            if rule.program.evaluate(bindings, self.budget) is True:
                return
        except CostExceeded:
            if self.budget.left <= 0:
                raise
            why = "no further validation rules will be run due to call cost exceeds limit for rule"
            self.errors.append(invalid(where, schema.type, f"'operation cancelled: actual cost limit exceeded': {why}: {rule.text}"))
            return
        except CelError as error:
            self.errors.append(invalid(where, schema.type, _failed(error, rule)))
            return
        if same and not rule.uses_old:
            return
        self.errors.append(_broken(rule, schema, value, _below(path, rule.said.get("fieldPath", "")), self._message(rule, bindings)))

    def _message(self, rule: Rule, bindings: Mapping[str, Any]) -> str:
        """What the rule says about this value; its fixed message when that cannot be worked out, or is no message."""
        if rule.message is None:
            return rule.default_message
        try:
            text = rule.message.evaluate(bindings, self.budget)
        except CelError:
            return rule.default_message
        if not isinstance(text, str) or not text.strip() or _LINES.search(text.strip()) or len(text.encode()) > 5 * 1024:
            return rule.default_message
        return text.strip()


def _failed(error: CelError, rule: Rule) -> str:
    if error.message.startswith("no such overload"):
        return f"'{error.message}': call arguments did not match a supported operator, function or macro signature for rule: {rule.text}"
    return f"{error.message} evaluating rule: {rule.text}"


def _below(path: str, field_path: str) -> str:
    """A path of a rule (`.spec.size`), seen from the object."""
    return child(path, field_path.removeprefix(".")) if field_path else path or "<nil>"


def _broken(rule: Rule, schema: Structural, value: Any, path: str, message: str) -> Cause:
    reason = rule.said.get("reason") or ""
    if reason == "FieldValueForbidden":
        return forbidden(path, message)
    if reason == "FieldValueRequired":
        return required(path, message)
    shown = schema.type in ("object", "array")
    if reason == "FieldValueDuplicate":
        return Cause(reason, "Duplicate value" + (f": {message}" if message else ""), path) if shown else duplicate(path, value)
    return Cause("FieldValueInvalid", f"Invalid value: {message}", path) if shown else invalid(path, value, message)


def _fields(at: _Place, value: dict[str, Any], old: Any, path: str) -> Iterator[tuple[_Place, Any, Any, str]]:
    before = old if isinstance(old, dict) and at.correlates else {}
    for name, item in value.items():
        below = at.properties.get(name)
        if below is not None:
            yield below, item, before.get(name, APART), child(path, name)
        elif at.additional is not None and name not in at.schema.properties:
            yield at.additional, item, before.get(name, APART), key(path, name)


def _correlation(keys: tuple[str, ...], old: Any) -> Callable[[Any], Any]:
    if not keys or not isinstance(old, list):
        return lambda item: APART
    known = {tuple(repr(item.get(k)) for k in keys): item for item in old if isinstance(item, dict)}
    return lambda item: known.get(tuple(repr(item.get(k)) for k in keys), APART) if isinstance(item, dict) else APART
