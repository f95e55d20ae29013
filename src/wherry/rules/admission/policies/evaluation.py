"""Evaluating the expressions of one policy or webhook on one write: the bindings, the shared budget, and errors as messages.

Variables are worked out when first used, once per evaluation. Source: k8s.io/apiserver/pkg/admission/plugin/cel/activation.go,
composition.go; plugin/webhook/matchconditions/matcher.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.rules.admission.policies.asked import Asked, request
from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.authorizer import Authorizer, Decision, Question, ResourceCheck
from wherry.rules.cel.library import Budget
from wherry.rules.cel.values import Lazy

if TYPE_CHECKING:
    from wherry.rules.cel.program import Program

Answers = MutableMapping[Question, Decision]
#: what all expressions of a policy may cost on one write, and what its match conditions may
BUDGET, CONDITIONS_BUDGET = 10_000_000, 2_500_000
_OUT = "validation failed due to running out of cost budget, no further validation rules will be run"


class OutOfBudget(CelError):
    def __init__(self) -> None:
        super().__init__(_OUT)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, or why it could not be compiled."""

    source: str
    program: Program | None
    refusal: str = ""

    @property
    def loops(self) -> bool:
        """An evaluation may take as long as its budget lasts."""
        return self.program is not None and self.program.loops


@dataclass(frozen=True, slots=True)
class Seen:
    """A write in the version that a policy or webhook asked for. `namespace` is None for a cluster's own objects."""

    asked: Asked
    resource: Resource
    obj: Obj | None
    old: Obj | None
    namespace: Obj | None = None
    params: Obj | None = None


def evaluate(expression: Expression, bindings: Mapping[str, Any], budget: Budget) -> Any:
    """The value. Raises CelError with the reference's text, OutOfBudget."""
    if expression.program is None:
        raise CelError(f"compilation error: {expression.refusal}")
    try:
        value = expression.program.evaluate(bindings, budget)
    except CelError as error:
        if budget.left <= 0:
            raise OutOfBudget from None
        raise CelError(f"expression '{expression.source}' resulted in error: {error.message}") from None
    return value


def bindings(
    seen: Seen, answers: Answers, variables: Iterable[tuple[str, Expression]] = (), budget: Budget | None = None
) -> dict[str, Any]:
    """What the names of an expression stand for."""
    asked = seen.asked
    about = Question("", group=asked.resource.group, resource=asked.resource.plural, subresource=asked.subresource)
    about = replace(about, namespace=asked.where, name=asked.name)
    made: dict[str, Any] = {
        "object": seen.obj,
        "oldObject": seen.old,
        "params": seen.params,
        "request": request(asked, seen.resource),
        "namespaceObject": _shown_namespace(seen.namespace),
        "authorizer": Authorizer(answers, Question("")),
        "authorizer.requestResource": ResourceCheck(answers, about),
    }
    made["variables"] = Lazy({name: _thunk(name, expression, made, budget) for name, expression in variables})
    return made


def _thunk(name: str, expression: Expression, made: Mapping[str, Any], budget: Budget | None) -> Callable[[], Any]:
    def value() -> Any:
        if expression.program is None:
            raise CelError(f'composited variable "{name}" fails to compile: {expression.refusal}')
        try:
            return expression.program.evaluate(made, budget)
        except CelError as error:
            raise CelError(f'composited variable "{name}" fails to evaluate: {error.message}') from None

    return value


def _shown_namespace(namespace: Obj | None) -> Obj | None:
    """The part of a Namespace that expressions see."""
    if namespace is None:
        return None
    metadata = {key: value for key, value in namespace["metadata"].items() if key not in ("managedFields", "ownerReferences", "selfLink")}
    return {"metadata": metadata, "spec": namespace.get("spec") or {}, "status": namespace.get("status") or {}}


def conditions_hold(conditions: Iterable[Expression], made: Mapping[str, Any], *, fail: bool) -> bool:
    """Whether all match conditions are true: one that is false decides. Raises CelError when one cannot be told and `fail`."""
    budget = Budget(CONDITIONS_BUDGET)
    errors: list[str] = []
    for condition in conditions:
        try:
            if evaluate(condition, made, budget) is False:
                return False
        except OutOfBudget:
            if fail:
                raise
            return False
        except CelError as error:
            errors.append(error.message)
    if not errors:
        return True
    if fail:
        unique = list(dict.fromkeys(errors))
        raise CelError(unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]")
    return False
