"""What a pod says about other pods, compiled: the terms of its pod affinity and anti-affinity. Shared by all pods of one template.

Called when a demand is compiled; the InterPodAffinity filter and score, and the tallies, ask `Term.means`. Invariant: terms with equal keys
mean the same pods. (matchLabelKeys were merged into the selectors when the pod was made.)
Source of the rule: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from wherry.api.objects import Obj, labels, namespace
from wherry.rules.objects import selectors

#: the labels of a namespace, by its name
Namespaces = Callable[[str], Mapping[str, str]]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class Term:
    """Which pods it means, and over which topology. `key` identifies it across pods."""

    __slots__ = ("_chosen", "_namespaces", "_selector", "by_namespace_labels", "key", "topology")

    def __init__(self, term: Mapping[str, Any], owner_namespace: str) -> None:
        self.topology: str = term["topologyKey"]
        self._selector = selectors.from_label_selector(term.get("labelSelector"))
        chosen = term.get("namespaceSelector")
        listed = term.get("namespaces") or ()
        self._namespaces = frozenset(listed) if listed or chosen is not None else frozenset((owner_namespace,))
        self._chosen = selectors.from_label_selector(chosen) if chosen is not None else None
        #: what it means may change with the labels of a namespace
        self.by_namespace_labels = bool(chosen)
        self.key = msgspec.json.encode((self.topology, term.get("labelSelector"), chosen, sorted(self._namespaces)))

    def means(self, pod: Obj, namespaces: Namespaces) -> bool:
        where = namespace(pod)
        inside = where in self._namespaces or (self._chosen is not None and self._chosen.matches(namespaces(where)))
        return inside and self._selector.matches(labels(pod))


class Terms(NamedTuple):
    """`together` and `apart` are required; `liked` has (weight, term), where a negative weight keeps apart."""

    together: tuple[Term, ...] = ()
    apart: tuple[Term, ...] = ()
    liked: tuple[tuple[int, Term], ...] = ()


NO_TERMS = Terms()


def of_spec(spec: Mapping[str, Any], owner_namespace: str) -> Terms:
    affinity = spec.get("affinity") or {}
    near, far = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    if not near and not far:
        return NO_TERMS

    def required(part: Mapping[str, Any]) -> tuple[Term, ...]:
        return tuple(Term(t, owner_namespace) for t in part.get(_REQUIRED) or ())

    def preferred(part: Mapping[str, Any], sign: int) -> tuple[tuple[int, Term], ...]:
        return tuple((sign * w["weight"], Term(w["podAffinityTerm"], owner_namespace)) for w in part.get(_PREFERRED) or ())

    return Terms(required(near), required(far), (*preferred(near, 1), *preferred(far, -1)))
