"""Node selectors: which nodes a pod may be on (`nodeSelector`, required node affinity) and prefers (preferred node affinity).

Called by the NodeAffinity filter and score; daemon sets ask the same question. A term that says nothing matches nothing.
Source of the rule: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ (component-helpers nodeaffinity).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wherry.api.objects import Obj, labels, name


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _compare(operator: str, value: str, limit: str) -> bool:
    left, right = _number(value), _number(limit)
    if left is None or right is None:
        return False
    return left > right if operator == "Gt" else left < right


def _holds(requirement: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    operator, value = requirement["operator"], values.get(requirement["key"])
    listed: list[str] = requirement.get("values") or []
    if operator == "In":
        return value is not None and value in listed
    if operator == "NotIn":
        return value is None or value not in listed
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    return value is not None and len(listed) == 1 and _compare(operator, value, listed[0])


def matches_term(term: Mapping[str, Any], node: Obj) -> bool:
    """All expressions on labels and all fields (only metadata.name is one) hold."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    values = labels(node)
    return all(_holds(e, values) for e in expressions) and all(_holds(f, {"metadata.name": name(node)}) for f in fields)


def _node_affinity(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return (spec.get("affinity") or {}).get("nodeAffinity") or {}


def required_terms(spec: Mapping[str, Any]) -> list[Obj] | None:
    """The terms of required node affinity, any of which suffices; None when there is no such affinity."""
    return terms_of(_node_affinity(spec))


def terms_of(affinity: Mapping[str, Any]) -> list[Obj] | None:
    """The required terms of a node affinity; None when it requires nothing."""
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required.get("nodeSelectorTerms") or [] if required is not None else None


def matches(spec: Mapping[str, Any], node: Obj) -> bool:
    """Both the selector and the required affinity of the pod spec allow the node."""
    selector = spec.get("nodeSelector")
    if selector:
        values = labels(node)
        if any(values.get(k) != v for k, v in selector.items()):
            return False
    terms = required_terms(spec)
    return terms is None or any(matches_term(t, node) for t in terms)


def preference(spec: Mapping[str, Any], node: Obj) -> int:
    """The sum of the weights of the preferred terms that match; an empty preference matches every node."""
    return liking(_node_affinity(spec), node)


def liking(affinity: Mapping[str, Any], node: Obj) -> int:
    """The same of a node affinity."""
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(
        term["weight"] for term in preferred
        if term["weight"] and (not any(term["preference"].values()) or matches_term(term["preference"], node))
    )


def only_names(spec: Mapping[str, Any]) -> frozenset[str] | None:
    """The nodes that the required affinity names by metadata.name, when every term does; else None (any node may match)."""
    terms = required_terms(spec)
    if not terms:
        return None
    names: set[str] = set()
    for term in terms:
        named = [set(f["values"]) for f in term.get("matchFields") or () if f["key"] == "metadata.name" and f["operator"] == "In"]
        if not named:
            return None
        names |= set.intersection(*named)
    return frozenset(names)
