"""The shapes of filters and scores, and what they say. A profile is a list of such small objects, in order.

Node-local plug-ins see a demand and one node, so their answers are remembered until the node changes (view). Cluster-wide filters see
the pod and all nodes, and are asked each time, but only when they apply.
Source of the shape: pkg/scheduler/framework/interface.go (Filter, Score, NormalizeScore, Skip), default plug-ins of v1.36.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from wherry.rules.placing.scheduling.demand import Demand, PodInfo
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.snapshot import Snapshot

MAX_SCORE = 100


class Rejection(NamedTuple):
    """Why a node does not do. `resolvable`: removing pods from it could help (Unschedulable, not UnschedulableAndUnresolvable)."""

    plugin: str
    reasons: tuple[str, ...]
    resolvable: bool = False


class Filter(Protocol):
    """A node-local question: None means the node will do."""

    name: str

    def check(self, demand: Demand, node: NodeInfo) -> Rejection | None: ...


class ClusterFilter(Protocol):
    """A question that other nodes have a say in."""

    name: str

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool: ...

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        """Rejections among the candidates (indexes into `snapshot.order`)."""
        ...


class Score(Protocol):
    """How good a node is. `raw` is node-local; `combine` turns all candidates' raw values into 0..100, None when they do not differ."""

    name: str
    weight: int

    def applies(self, demand: Demand) -> bool: ...

    def raw(self, demand: Demand, node: NodeInfo) -> int: ...

    def combine(self, demand: Demand, raws: list[int], nodes: Sequence[NodeInfo]) -> list[int] | None: ...


class ClusterScore(Protocol):
    """How good nodes are in view of all others; asked for each decision."""

    name: str
    weight: int

    def values(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> list[int] | None:
        """0..100 for each candidate; None when it has nothing to say."""
        ...


class Profile(NamedTuple):
    """How the pods of one schedulerName are scheduled."""

    filters: tuple[Filter, ...]
    cluster_filters: tuple[ClusterFilter, ...]
    scores: tuple[Score, ...]
    cluster_scores: tuple[ClusterScore, ...] = ()
    #: plug-ins that ask about a pod's volumes before any node is looked at
    volume_gates: frozenset[str] = frozenset(("VolumeRestrictions", "VolumeBinding"))
    #: a pod whose required affinity names nodes is tried there only
    narrows: bool = True
    #: a pod with scheduling gates waits until they are gone
    gates: bool = True
    #: claims are bound to volumes before a pod is bound to its node, and after so many seconds not any more
    binds_volumes: bool = True
    bind_timeout: float = 600.0
    #: what is tried when no node will do: claims of devices to free (there never are any), then less important pods
    devices: bool = True
    preempts: bool = True
    #: a preemption weighs that share of the nodes it could help at, and at least so many
    candidates_percent: int = 10
    candidates_least: int = 100
    #: of many nodes that will do, only that share is scored; None: all of them
    scored_percent: int | None = None


def normalised(raws: list[int], *, reverse: bool = False) -> list[int] | None:
    """0..100 in proportion to the greatest (helper.DefaultNormalizeScore); None when all are 0, which tells nodes apart no more."""
    greatest = max(raws, default=0)
    if greatest == 0:
        return None
    if reverse:
        return [MAX_SCORE - MAX_SCORE * raw // greatest for raw in raws]
    return [MAX_SCORE * raw // greatest for raw in raws]
