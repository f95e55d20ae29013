"""A topology spread constraint, compiled for one pod: which pods it counts, and which nodes take part.

Called by the PodTopologySpread filter and score. A constraint of the profile's defaults has no selector: it means the pods of the same
owner, as far as they are spread by default (`Demand.spread`).
Source of the rule: podtopologyspread/common.go; KEP-3094 (node inclusion policies), KEP-3243 (matchLabelKeys).
"""

from __future__ import annotations

import msgspec

from wherry.api.objects import Obj, is_deleting, labels, namespace
from wherry.rules.objects import selectors
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.scheduling.tallies import Counts
from wherry.rules.pods import node_affinity
from wherry.rules.pods.tolerations import first_untolerated


class Constraint:
    def __init__(self, constraint: Obj, info: PodInfo, owner: str = "") -> None:
        """`owner`: of whose pods the constraint is; "" for one that the pod brings along."""
        self.key: str = constraint["topologyKey"]
        self.max_skew = int(constraint["maxSkew"])
        self.min_domains = int(constraint.get("minDomains") or 1)
        self._constraint = constraint
        self._demand = info.demand
        self._namespace = namespace(info.pod)
        self._owner = owner
        self._selector = selectors.from_label_selector(constraint.get("labelSelector"))
        own = labels(info.pod)
        self._same = {k: own[k] for k in constraint.get("matchLabelKeys") or () if k in own}
        self._anywhere = not info.demand.spec.get("nodeSelector") and node_affinity.required_terms(info.demand.spec) is None

    def matches(self, info: PodInfo) -> bool:
        if self._owner:
            return info.demand.spread == self._owner
        have = labels(info.pod)
        return self._selector.matches(have) and all(have.get(k) == v for k, v in self._same.items())

    def pods(self, snapshot: Snapshot) -> Counts:
        """How many pods of each node it counts."""
        wanted = msgspec.json.encode((self._owner, self._constraint.get("labelSelector"), sorted(self._same.items())))
        return snapshot.tally(("spread", self._namespace, wanted), self._counts)

    def _counts(self, other: PodInfo) -> bool:
        return namespace(other.pod) == self._namespace and not is_deleting(other.pod) and self.matches(other)

    @property
    def everywhere(self) -> bool:
        """All nodes take part."""
        chosen = self._anywhere or self._constraint.get("nodeAffinityPolicy") == "Ignore"
        return chosen and self._constraint.get("nodeTaintsPolicy") != "Honor"

    def takes_part(self, node: NodeInfo) -> bool:
        chosen = self._anywhere or self._constraint.get("nodeAffinityPolicy") == "Ignore"
        if not chosen and not node_affinity.matches(self._demand.spec, node.node):
            return False
        honoured = self._constraint.get("nodeTaintsPolicy") == "Honor"
        return not honoured or first_untolerated(node.taints, self._demand.tolerations) is None


def constraints_of(info: PodInfo, action: str, defaults: tuple[Obj, ...]) -> list[Constraint]:
    """The pod's own constraints with that `whenUnsatisfiable`, or the defaults when it has none at all."""
    listed = info.demand.spec.get("topologySpreadConstraints")
    if listed:
        return [Constraint(c, info) for c in listed if (c.get("whenUnsatisfiable") or "DoNotSchedule") == action]
    if not defaults or not info.demand.spread:
        return []
    return [Constraint(c, info, info.demand.spread) for c in defaults if c["whenUnsatisfiable"] == action]
