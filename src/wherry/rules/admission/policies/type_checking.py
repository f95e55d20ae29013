"""Type checking of a ValidatingAdmissionPolicy: its expressions against the schemas of what it is about, as warnings in its status.

Called by the controller that keeps `status.typeChecking`. It never changes what the policy does.
Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/typechecking.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.api.schema import Node
from wherry.rules.admission.policies import expressions
from wherry.rules.admission.policies.expressions import Refused, Scope
from wherry.rules.cel.lookups import escaped, unescaped
from wherry.rules.cel.types import BOOL, BYTES, DOUBLE, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of

#: no more kinds than these are checked for one rule
MAX_TYPES = 10
_PLAIN: Mapping[str, Type] = {
    "string": STRING, "bool": BOOL, "int32": INT, "int64": INT, "float": DOUBLE, "bytes": BYTES, "time": TIMESTAMP, "micro_time": TIMESTAMP,
}  # fmt: skip


class _Fields(Mapping[str, Type]):
    """The fields of an object, typed when they are asked for: schemas may contain themselves."""

    def __init__(self, node: Node, name: str) -> None:
        self._node, self._name = node, name
        self._known: dict[str, Type] = {}

    def __getitem__(self, key: str) -> Type:
        if key not in self._known:
            self._known[key] = type_of(self._node.properties[unescaped(key)], f"{self._name}.{key}")
        return self._known[key]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and unescaped(key) in self._node.properties

    def __iter__(self) -> Iterator[str]:
        return (name for name in map(escaped, self._node.properties) if name is not None)

    def __len__(self) -> int:
        return len(self._node.properties)


def type_of(node: Node, name: str) -> Type:
    """The CEL type of what a schema describes; what it leaves open is `dyn`."""
    if node.kind in _PLAIN:
        return _PLAIN[node.kind]
    if node.kind == "list":
        return list_of(type_of(node.items, f"{name}.@idx") if node.items is not None else DYN)
    if node.kind == "map":
        return map_of(STRING, type_of(node.items, f"{name}.@elem") if node.items is not None else DYN)
    if node.kind == "object" and node.properties:
        return Type(name, (), _Fields(node, name))
    return DYN


def warnings(policy: Obj, rows: Callable[[str, str, str], Resource | None]) -> list[Obj]:
    """`expressionWarnings`. `rows(group, version, plural)` gives the resources there are."""
    spec = policy.get("spec") or {}
    kinds = _kinds(spec, rows)
    found: list[Obj] = []
    for i, validation in enumerate(spec.get("validations") or ()):
        for part in ("expression", "messageExpression"):
            if text := validation.get(part):
                lines = [_checked(text, spec, row) for row in kinds]
                if said := [line for line in lines if line]:
                    found.append({"fieldRef": f"spec.validations[{i}].{part}", "warning": "\n".join(said)})
    return found


def _checked(text: str, spec: Obj, row: Resource) -> str:
    scope = Scope(params=spec.get("paramKind") is not None, variables={}, objects=type_of(row.node, row.kind))
    for variable in spec.get("variables") or ():
        try:
            expressions.variable(variable["name"], variable["expression"], scope)
        except Refused:
            continue
    try:
        expressions.compiled(text, scope, ())
    except Refused as refusal:
        return f"{row.group}/{row.version}, Kind={row.kind}: {refusal.message}\n"
    return ""


def _kinds(spec: Obj, rows: Callable[[str, str, str], Resource | None]) -> list[Resource]:
    """What the rules name; a rule with a wildcard names nothing."""
    found: dict[tuple[str, str, str], Resource] = {}
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        groups, versions = rule.get("apiGroups") or [], rule.get("apiVersions") or []
        plurals = [r for r in rule.get("resources") or () if "*" not in r and "/" not in r]
        if any("*" in value for value in (*groups, *versions)):
            continue
        named = ((g, v, p) for g in sorted(groups) for v in sorted(versions) for p in sorted(plurals))
        for row in [row for at in named if (row := rows(*at)) is not None][:MAX_TYPES]:
            found[row.group, row.version, row.kind] = row
    return [found[at] for at in sorted(found)]
