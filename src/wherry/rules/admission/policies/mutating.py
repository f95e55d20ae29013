"""MutatingAdmissionPolicy: its mutations compiled once per version, and applied to an object one after the other.

An ApplyConfiguration gives a part of an object, merged in by the kind's schema; a JSONPatch the operations of a JSON Patch.
Source: k8s.io/apiserver/pkg/admission/plugin/policy/mutating/{dispatcher,patch/smd,patch/json_patch}.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.admission.policies import expressions
from wherry.rules.admission.policies.evaluation import BUDGET, Answers, Expression, Seen, bindings, evaluate
from wherry.rules.admission.policies.expressions import Scope
from wherry.rules.admission.policies.match import Criteria, of_match
from wherry.rules.admission.policies.validating import attempt, variable
from wherry.rules.cel.errors import CelError
from wherry.rules.cel.library import Budget
from wherry.rules.cel.nodes import Call, Fold, ListLit, MapLit, Node, OptMap, Struct
from wherry.rules.cel.results import json_of
from wherry.rules.cel.types import DYN, STRING, Type, list_of, object_type
from wherry.rules.writing.managed_fields import merge, types
from wherry.rules.writing.patch import json_patch

_PATCH = object_type("JSONPatch", {"op": STRING, "path": STRING, "from": STRING, "value": DYN})
_OBJECT = Type("Object")


def structs(name: str) -> Type | None:
    """What mutations may build: `JSONPatch`, and `Object` with every type below it."""
    if name == "JSONPatch":
        return _PATCH
    return Type(name) if name == "Object" or name.startswith("Object.") else None


@dataclass(frozen=True, slots=True)
class Mutation:
    expression: Expression
    patch: bool

    def applied(self, made: dict[str, Any], obj: Obj, type_: types.Type, budget: Budget) -> Obj:
        """The object after this mutation. Raises CelError."""
        value = json_of(evaluate(self.expression, made, budget))
        if self.patch:
            return _patched(obj, value)
        value = {**value, "apiVersion": obj.get("apiVersion"), "kind": obj.get("kind")}
        if atomic := sorted(set(_atomics(value, type_, ""))):
            raise CelError(
                f"error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {', '.join(atomic)}"
            )
        merged: Obj = merge.merge(obj, value, type_)
        return merged


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    fail: bool
    again: bool
    criteria: Criteria
    param_kind: Obj | None
    variables: tuple[tuple[str, Expression], ...]
    conditions: tuple[Expression, ...]
    mutations: tuple[Mutation, ...]
    #: an expression of it goes through lists or maps
    loops: bool

    def mutate(self, mutation: Mutation, seen: Seen, answers: Answers, type_: types.Type) -> Obj:
        """The object after one mutation. Raises CelError, Unanswered."""
        assert seen.obj is not None
        budget = Budget(BUDGET)
        return mutation.applied(bindings(seen, answers, self.variables, budget), seen.obj, type_, budget)


def compile_policy(policy: Obj) -> Policy:
    """Never fails: an expression that cannot be compiled says so when it is evaluated."""
    spec = policy.get("spec") or {}
    scope = Scope(params=bool(spec.get("paramKind")), variables={})
    variables = tuple(variable(scope, v) for v in spec.get("variables") or ())
    conditions = tuple(attempt(c["expression"], lambda e: expressions.compiled(e, scope)) for c in spec.get("matchConditions") or ())
    mutations = tuple(_mutation(m, scope) for m in spec.get("mutations") or ())
    return Policy(
        policy["metadata"]["name"],
        spec.get("failurePolicy") != "Ignore",
        spec.get("reinvocationPolicy") == "IfNeeded",
        of_match(spec.get("matchConstraints")),
        spec.get("paramKind"),
        variables,
        conditions,
        mutations,
        any(e.loops for e in (*(v for _, v in variables), *conditions, *(m.expression for m in mutations))),
    )


def _mutation(given: Obj, scope: Scope) -> Mutation:
    patch = given.get("patchType") == "JSONPatch"
    source = ((given.get("jsonPatch") if patch else given.get("applyConfiguration")) or {}).get("expression") or ""
    return Mutation(attempt(source, lambda e: compile_mutation(e, scope, patch=patch)), patch)


def compile_mutation(source: str, scope: Scope, *, patch: bool) -> Any:
    """Raises Refused: also when the name of a built type is not the path of the field it is for."""
    from wherry.rules.cel.parser import parse

    program = expressions.compiled(source, scope, (list_of(_PATCH),) if patch else (_OBJECT,), structs=structs)
    for name, expected in _misnamed(parse(source)):
        raise expressions.Refused(
            f'type mismatch: unexpected type name "{name}", expected "{expected}", which matches field name path from root Object type'
        )
    return program


def _misnamed(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, Struct):
        for field, value, _ in node.fields:
            if node.name != "JSONPatch":
                expected = f"{node.name}.{field}"
                yield from ((found, expected) for found in _built(value) if found != expected)
            yield from _misnamed(value)
    else:
        for part in _parts(node):
            yield from _misnamed(part)


def _built(node: Node) -> Iterator[str]:
    """The types of the structs that an expression gives, as far as its form tells."""
    if isinstance(node, Struct):
        yield node.name
    elif isinstance(node, ListLit):
        for item, _ in node.items:
            yield from _built(item)
    elif isinstance(node, Call) and node.name == "_?_:_":
        for branch in node.args[1:]:
            yield from _built(branch)
    elif isinstance(node, Fold) and node.kind in ("map", "transformList"):
        yield from _built(node.bodies[-1])


def _parts(node: Any) -> list[Any]:
    if isinstance(node, Call):
        return [*node.args, *([node.target] if node.target is not None else [])]
    if isinstance(node, ListLit):
        return [item for item, _ in node.items]
    if isinstance(node, MapLit):
        return [part for key, value, _ in node.entries for part in (key, value)]
    if isinstance(node, Fold):
        return [node.over, *node.bodies]
    return [node.operand, node.body] if isinstance(node, OptMap) else []


def _patched(obj: Obj, operations: list[Obj]) -> Obj:
    """Raises CelError; a `test` that does not hold leaves the object as it is."""
    try:
        return json_patch.apply(obj, operations)
    except StatusError:
        wrong = next(o for i, o in enumerate(operations) if not _applies(obj, operations[: i + 1]))
    if wrong.get("op") == "test":
        return obj
    path = wrong.get("path") or ""
    raise CelError(f'JSON Patch: {wrong.get("op")} operation does not apply: doc is missing path: "{path}": missing value')


def _applies(obj: Obj, operations: list[Obj]) -> bool:
    try:
        json_patch.apply(obj, operations)
    except StatusError:
        return False
    return True


def _atomics(value: Any, type_: types.Type, path: str) -> Iterator[str]:
    """Where an ApplyConfiguration would replace a list or map as a whole."""
    if isinstance(value, (dict, list)) and type_.form == types.ATOMIC:
        yield path
    if isinstance(value, dict):
        for name, part in value.items():
            if type_.declares(name):
                yield from _atomics(part, type_.at(name)[1], f"{path}.{name}")
    elif isinstance(value, list) and type_.element is not None:
        for i, item in enumerate(value):
            yield from _atomics(item, type_.element, f"{path}[{i}]")
