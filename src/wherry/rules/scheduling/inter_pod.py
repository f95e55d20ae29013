"""Required affinity and anti-affinity between pods, as a cluster-wide filter; that of pods already placed counts as well.

Namespace selectors other than the empty one would need the labels of namespaces: a pod that has one is refused by name.
Source of the rule: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
(interpodaffinity/filtering.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wherry.api.objects import Obj, labels, namespace
from wherry.rules import selectors
from wherry.rules.scheduling.demand import PodInfo
from wherry.rules.scheduling.node_info import NodeInfo
from wherry.rules.scheduling.plugin import Rejection
from wherry.rules.scheduling.snapshot import Snapshot

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
Pair = tuple[str, str]


def _terms(pod: Obj, kind: str) -> list[Obj]:
    return ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(_REQUIRED) or []


class _Term:
    """One required term of `owner`: which pods it means, and over which topology."""

    def __init__(self, term: Obj, owner: Obj) -> None:
        self.key: str = term["topologyKey"]
        self._selector = selectors.from_label_selector(term.get("labelSelector"))
        chosen = term.get("namespaceSelector")
        self.all_namespaces = chosen is not None and not chosen
        self.unknown = bool(chosen)
        listed = term.get("namespaces") or ()
        self._namespaces = frozenset(listed) if listed or chosen is not None else frozenset((namespace(owner),))

    def means(self, pod: Obj) -> bool:
        return (self.all_namespaces or namespace(pod) in self._namespaces) and self._selector.matches(labels(pod))


def _pair(node: NodeInfo, key: str) -> Pair | None:
    value = node.labels.get(key)
    return (key, value) if value is not None else None


def _all_pods(snapshot: Snapshot) -> Iterable[tuple[NodeInfo, PodInfo]]:
    return ((node, pod) for node in snapshot.order for pod in node.pods.values())


class InterPodAffinity:
    name = "InterPodAffinity"
    _affinity = Rejection(name, ("node(s) didn't match pod affinity rules",))
    _anti = Rejection(name, ("node(s) didn't match pod anti-affinity rules",), resolvable=True)
    _existing = Rejection(name, ("node(s) didn't satisfy existing pods anti-affinity rules",), resolvable=True)
    _unknown = Rejection(name, ("node(s) cannot be judged: namespaceSelector in pod affinity is not supported by wherry",))

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        return bool(snapshot.repelling or _terms(info.pod, "podAffinity") or _terms(info.pod, "podAntiAffinity"))

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        together = [_Term(t, info.pod) for t in _terms(info.pod, "podAffinity")]
        apart = [_Term(t, info.pod) for t in _terms(info.pod, "podAntiAffinity")]
        if any(t.unknown for t in (*together, *apart)):
            return dict.fromkeys(candidates, self._unknown)
        wanted = _joined(together, snapshot)
        alone = not wanted and all(t.means(info.pod) for t in together)
        repelled, existing = _apart(apart, snapshot), _repelled_by_others(info, snapshot)
        existing_keys = {key for key, _ in existing}
        refused = {}
        for i in candidates:
            node = snapshot.order[i]
            if not _joins(together, wanted, alone, node):
                refused[i] = self._affinity
            elif any(_pair(node, t.key) in repelled for t in apart):
                refused[i] = self._anti
            elif any(_pair(node, key) in existing for key in existing_keys):
                refused[i] = self._existing
        return refused


def _joined(together: list[_Term], snapshot: Snapshot) -> set[Pair]:
    """The domains that hold a pod which all affinity terms mean."""
    if not together:
        return set()
    found: set[Pair] = set()
    for node, pod in _all_pods(snapshot):
        if all(t.means(pod.pod) for t in together):
            found.update(pair for t in together if (pair := _pair(node, t.key)))
    return found


def _joins(together: list[_Term], wanted: set[Pair], alone: bool, node: NodeInfo) -> bool:
    """`alone`: the pod is the first of a series that has affinity to itself, so any node with the topologies will do."""
    pairs = [_pair(node, t.key) for t in together]
    return all(pair is not None and (alone or pair in wanted) for pair in pairs)


def _apart(apart: list[_Term], snapshot: Snapshot) -> set[Pair]:
    if not apart:
        return set()
    return {pair for node, pod in _all_pods(snapshot) for t in apart if t.means(pod.pod) and (pair := _pair(node, t.key))}


def _repelled_by_others(info: PodInfo, snapshot: Snapshot) -> set[Pair]:
    """The domains that pods already placed keep free of such a pod."""
    existing: set[Pair] = set()
    for key, other in snapshot.repelling.items():
        node = snapshot.node(snapshot.node_of(key))
        for term in (_Term(t, other.pod) for t in _terms(other.pod, "podAntiAffinity")):
            if node is not None and not term.unknown and term.means(info.pod) and (pair := _pair(node, term.key)):
                existing.add(pair)
    return existing
