"""The cluster as decisions see it: nodes and the pods on them, kept up to date by difference, never rebuilt.

The scheduler's shell tells it every change and its own binds at once (assume); `decide` reads it. Invariant: every change of a node's
offer or pods is in the change log, so a view that has read the log up to its end is exact.
Source of the shape: pkg/scheduler/backend/cache (Cache, Snapshot, generations).
"""

from __future__ import annotations

import copy
from collections import ChainMap, Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING

from wherry.api.objects import Obj, name
from wherry.rules.placing.scheduling.demand import Demands, PodInfo
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.pod_terms import Namespaces
from wherry.rules.placing.scheduling.tallies import Counts, Imagined, Question, Tallies

if TYPE_CHECKING:
    from wherry.rules.placing.scheduling.view import View
    from wherry.rules.placing.volumes.world import VolumeWorld

_LOG_LIMIT = 4096


_NO_LABELS: Mapping[str, str] = {}


class Snapshot:
    """`order` lists the nodes that are there; `layout` changes whenever that list does."""

    def __init__(self) -> None:
        self.demands = Demands()
        self.order: list[NodeInfo] = []
        self.layout = 0
        self.tallies = Tallies()
        #: how many nodes have an image, by its name
        self.images: Counter[str] = Counter()
        #: pods that were promised a node (status.nominatedNodeName) and have none yet, by node
        self.nominated: dict[str, dict[str, PodInfo]] = {}
        self.views: dict[bytes, View] = {}
        #: None: nothing is known of claims and volumes, and pods are placed without regard to them
        self.volumes: VolumeWorld | None = None
        #: the labels of a namespace; the shell says where they come from
        self.namespaces: Namespaces = lambda name: _NO_LABELS
        #: all PodDisruptionBudgets
        self.budgets: Callable[[], Iterable[Obj]] = tuple
        self._columns: dict[str, tuple[list[str | None], dict[str, str]]] = {}
        self._nodes: dict[str, NodeInfo] = {}
        self._index: dict[str, int] = {}
        self._where: MutableMapping[str, str] = {}
        self._log: list[int] = []
        self._log_start = 0

    # --- reading ---
    def node(self, name: str) -> NodeInfo | None:
        """The node of that name, if it is there."""
        info = self._nodes.get(name)
        return info if info is not None and info.present else None

    def node_of(self, key: str) -> str:
        """Where the pod is; "" for one that has no place."""
        return self._where.get(key, "")

    @property
    def position(self) -> int:
        """The end of the change log."""
        return self._log_start + len(self._log)

    def changed_since(self, position: int) -> set[int] | None:
        """Indexes into `order` of the nodes that changed after that position; None when the log does not reach back so far."""
        if position < self._log_start:
            return None
        return set(self._log[position - self._log_start:])

    def places(self) -> Iterator[tuple[str, PodInfo]]:
        """All pods that have a node, with its name."""
        return ((node.name, info) for node in self._nodes.values() for info in node.pods.values())

    def tally(self, key: tuple[object, ...], question: Question) -> Counts:
        """How many pods of each node the question holds for; the key says what it asks."""
        return self.tallies.ask(key, question, self.places)

    def column(self, topology: str) -> list[str | None]:
        """The value of that label on each node of `order`."""
        return self._labelled(topology)[0]

    def domains(self, topology: str) -> dict[str, str]:
        """The same by node name, without the nodes that lack it."""
        return self._labelled(topology)[1]

    def _labelled(self, topology: str) -> tuple[list[str | None], dict[str, str]]:
        found = self._columns.get(topology)
        if found is None:
            column = [node.labels.get(topology) for node in self.order]
            domains = {node.name: value for node, value in zip(self.order, column, strict=True) if value is not None}
            found = self._columns[topology] = column, domains
        return found

    # --- nodes ---
    def set_node(self, node: Obj) -> bool:
        """A node came or changed; whether anything that matters for scheduling did."""
        info = self._nodes.get(name(node))
        if info is None:
            info = self._nodes[name(node)] = NodeInfo(name(node))
        was_present = info.present
        self.images.subtract(info.images.keys())
        changed = info.offer(node)
        self.images.update(info.images.keys())
        if not was_present:
            self._arrange()
        elif changed:
            self._columns.clear()
            self._note(info.name)
        return changed

    def remove_node(self, name: str) -> None:
        info = self._nodes.get(name)
        if info is None:
            return
        self.images.subtract(info.images.keys())
        info.withdraw()
        self._arrange()
        self._forget_if_empty(info)

    def _arrange(self) -> None:
        self.order = [info for info in self._nodes.values() if info.present]
        self._index = {info.name: i for i, info in enumerate(self.order)}
        self.layout += 1
        self.views.clear()
        self._columns.clear()

    def _forget_if_empty(self, info: NodeInfo) -> None:
        if not info.present and not info.pods:
            self._nodes.pop(info.name, None)

    # --- pods ---
    def put_pod(self, info: PodInfo, node: str) -> None:
        """The pod is on that node (bound, or assumed to be); replaces what was known of it."""
        self.remove_pod(info.key)
        at = self._nodes.get(node)
        if at is None:
            at = self._nodes[node] = NodeInfo(node)
        at.add(info)
        self._where[info.key] = node
        self.tallies.count(info, node, 1)
        self.break_promise(info.key)
        self._note(node)

    def remove_pod(self, key: str) -> bool:
        """The pod takes no room any more; whether it did."""
        node = self._where.pop(key, None)
        if node is None:
            return False
        info = self._nodes[node]
        self.tallies.count(info.remove(key), node, -1)
        self._note(node)
        self._forget_if_empty(info)
        return True

    def pod(self, key: str) -> PodInfo | None:
        node = self._where.get(key)
        return self._nodes[node].pods.get(key) if node is not None else None

    def promise(self, info: PodInfo, node: str) -> None:
        """The pod was promised that node (status.nominatedNodeName), and has none yet."""
        self.break_promise(info.key)
        self.nominated.setdefault(node, {})[info.key] = info

    def break_promise(self, key: str) -> bool:
        """No node is promised to the pod any more; whether one was."""
        for node, pods in self.nominated.items():
            if pods.pop(key, None) is not None:
                if not pods:
                    del self.nominated[node]
                return True
        return False

    def imagine(self, index: int, gone: Collection[PodInfo] = (), come: Collection[PodInfo] = ()) -> Snapshot:
        """As it would be with these pods of the node `order[index]` gone, and those others there. Only for asking filters."""
        node = self.order[index].without({info.key for info in gone})
        for info in come:
            node.add(info)
        other = copy.copy(self)
        other.order = [*self.order[:index], node, *self.order[index + 1:]]
        other.tallies = Imagined(self.tallies, node.name, [*((info, -1) for info in gone), *((info, 1) for info in come)])
        other._where = ChainMap({**{i.key: "" for i in gone}, **{i.key: node.name for i in come}}, self._where)
        other.views, other.nominated = {}, {}
        return other

    def _note(self, node: str) -> None:
        index = self._index.get(node)
        if index is None:
            return
        self._log.append(index)
        if len(self._log) > _LOG_LIMIT:
            drop = len(self._log) // 2
            del self._log[:drop]
            self._log_start += drop
