"""ValidatingAdmissionPolicy: compiled once per version, evaluated on a write, with one decision per validation.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/{plugin,validator,dispatcher,message}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.admission.policies import expressions
from wherry.rules.admission.policies.evaluation import (
    BUDGET,
    Answers,
    Expression,
    OutOfBudget,
    Seen,
    bindings,
    conditions_hold,
    evaluate,
)  # fmt: skip
from wherry.rules.admission.policies.expressions import STRING_OR_NULL, Refused, Scope
from wherry.rules.admission.policies.match import Criteria, of_match
from wherry.rules.cel.errors import CelError
from wherry.rules.cel.library import Budget
from wherry.rules.cel.types import STRING
from wherry.rules.cel.values import type_name

#: a longer evaluated message is not used, a longer annotation is cut
MAX_MESSAGE, MAX_ANNOTATION = 5 * 1024, 10 * 1024


@dataclass(frozen=True, slots=True)
class Validation:
    expression: Expression
    message: str
    message_expression: Expression | None
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`index` is the validation's; a `reason` is only there when the expression was false."""

    index: int
    message: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is refused, and what is annotated: key -> value."""

    denied: tuple[Decision, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    #: annotations that could not be worked out: these refuse whatever the binding's actions are
    failed: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    fail: bool
    criteria: Criteria
    param_kind: Obj | None
    variables: tuple[tuple[str, Expression], ...]
    conditions: tuple[Expression, ...]
    validations: tuple[Validation, ...]
    annotations: tuple[tuple[str, Expression], ...]
    #: an expression of it goes through lists or maps
    loops: bool

    def outcome(self, seen: Seen, answers: Answers) -> Outcome:
        """Raises Unanswered for a question to the authorizer that `answers` does not have."""
        try:
            if self.conditions and not conditions_hold(
                self.conditions, bindings(_without_namespace(seen), answers, self.variables), fail=self.fail
            ):
                return Outcome()
            budget = Budget(BUDGET)
            made = bindings(seen, answers, self.variables, budget)
            denied = self._denied(made, budget)
            annotations, failed = self._annotated(made)
        except CelError as error:
            return Outcome((Decision(0, error.message),)) if self.fail else Outcome()
        return Outcome(tuple(denied), tuple(annotations), tuple(failed))

    def _denied(self, made: dict[str, Any], budget: Budget) -> list[Decision]:
        denied: list[Decision] = []
        for i, validation in enumerate(self.validations):
            try:
                if evaluate(validation.expression, made, budget) is not True:
                    denied.append(Decision(i, _message(validation, made, budget), validation.reason))
            except OutOfBudget:
                raise
            except CelError as error:
                if self.fail:
                    denied.append(Decision(i, error.message))
        return denied

    def _annotated(self, made: dict[str, Any]) -> tuple[list[tuple[str, str]], list[Decision]]:
        found: list[tuple[str, str]] = []
        failed: list[Decision] = []
        budget = Budget(BUDGET)
        for key, expression in self.annotations:
            try:
                value = evaluate(expression, made, budget)
            except OutOfBudget:
                raise
            except CelError as error:
                if self.fail:
                    failed.append(Decision(0, error.message))
                continue
            if type(value) is str:
                if value.strip():
                    found.append((key, value.strip()[:MAX_ANNOTATION]))
            elif value is not None:
                text = f"valueExpression '{expression.source}' resulted in unsupported return type: {type_name(value)}. "
                failed.append(Decision(0, text + "Return type must be either string or null."))
        return found, failed


def compile_policy(policy: Obj) -> Policy:
    """Never fails: an expression that cannot be compiled says so when it is evaluated."""
    spec = policy.get("spec") or {}
    scope = Scope(params=bool(spec.get("paramKind")), variables={})
    variables = tuple(variable(scope, v) for v in spec.get("variables") or ())
    conditions = tuple(attempt(c["expression"], lambda e: expressions.compiled(e, scope)) for c in spec.get("matchConditions") or ())
    validations = tuple(_validation(v, scope) for v in spec.get("validations") or ())
    annotations = tuple(
        (a["key"], attempt(a["valueExpression"], lambda e: expressions.compiled(e, scope, STRING_OR_NULL)))
        for a in spec.get("auditAnnotations") or ()
    )
    messages = (v.message_expression for v in validations if v.message_expression is not None)
    named = (e for _, e in (*variables, *annotations))
    return Policy(
        policy["metadata"]["name"],
        spec.get("failurePolicy") != "Ignore",
        of_match(spec.get("matchConstraints")),
        spec.get("paramKind"),
        variables,
        conditions,
        validations,
        annotations,
        any(e.loops for e in (*conditions, *(v.expression for v in validations), *messages, *named)),
    )


def variable(scope: Scope, given: Obj) -> tuple[str, Expression]:
    name: str = given["name"]
    return name, attempt(given["expression"], lambda e: expressions.variable(name, e, scope))


def attempt(source: str, make: Callable[[str], Any]) -> Expression:
    try:
        return Expression(source, make(source))
    except Refused as error:
        return Expression(source, None, error.message)


def _validation(given: Obj, scope: Scope) -> Validation:
    text = given.get("messageExpression") or ""
    message = attempt(text, lambda e: expressions.compiled(e, scope, (STRING,), authorizer=False)) if text else None
    expression = attempt(given["expression"], lambda e: expressions.compiled(e, scope))
    return Validation(expression, (given.get("message") or "").strip(), message, given.get("reason") or "Invalid")


def _message(validation: Validation, made: dict[str, Any], budget: Budget) -> str:
    """The evaluated message, the fixed one, or the expression that failed."""
    if validation.message_expression is not None:
        try:
            value = evaluate(validation.message_expression, made, budget)
        except OutOfBudget as error:
            return f"failed messageExpression: {error.message}"
        except CelError:
            value = ""
        text = value.strip() if type(value) is str else ""
        if text and len(text.encode()) <= MAX_MESSAGE and "\n" not in text:
            return text
    return validation.message or f"failed expression: {validation.expression.source.strip()}"


def _without_namespace(seen: Seen) -> Seen:
    """Match conditions are not told the namespace."""
    return Seen(seen.asked, seen.resource, seen.obj, seen.old, None, seen.params)
