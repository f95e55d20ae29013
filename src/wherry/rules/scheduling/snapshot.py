"""The cluster as decisions see it: nodes and the pods on them, kept up to date by difference, never rebuilt.

The scheduler's shell tells it every change and its own binds at once (assume); `decide` reads it. Invariant: every change of a node's
offer or pods is in the change log, so a view that has read the log up to its end is exact.
Source of the shape: pkg/scheduler/backend/cache (Cache, Snapshot, generations).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.objects import Obj, name
from wherry.rules.scheduling.demand import Demands, PodInfo
from wherry.rules.scheduling.node_info import NodeInfo

if TYPE_CHECKING:
    from wherry.rules.scheduling.view import View
    from wherry.rules.scheduling.volume_world import VolumeWorld

_LOG_LIMIT = 4096


def _repels(info: PodInfo) -> bool:
    """The pod has required anti-affinity, so it has a say about pods that come after it."""
    anti = (info.demand.spec.get("affinity") or {}).get("podAntiAffinity") or {}
    return bool(anti.get("requiredDuringSchedulingIgnoredDuringExecution"))


class Snapshot:
    """`order` lists the nodes that are there; `layout` changes whenever that list does."""

    def __init__(self) -> None:
        self.demands = Demands()
        self.order: list[NodeInfo] = []
        self.layout = 0
        self.repelling: dict[str, PodInfo] = {}
        self.views: dict[bytes, View] = {}
        #: None: nothing is known of claims and volumes, and pods are placed without regard to them
        self.volumes: VolumeWorld | None = None
        self._nodes: dict[str, NodeInfo] = {}
        self._index: dict[str, int] = {}
        self._where: dict[str, str] = {}
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

    # --- nodes ---
    def set_node(self, node: Obj) -> bool:
        """A node came or changed; whether anything that matters for scheduling did."""
        info = self._nodes.get(name(node))
        if info is None:
            info = self._nodes[name(node)] = NodeInfo(name(node))
        was_present = info.present
        changed = info.offer(node)
        if not was_present:
            self._arrange()
        elif changed:
            self._note(info.name)
        return changed

    def remove_node(self, name: str) -> None:
        info = self._nodes.get(name)
        if info is None:
            return
        info.withdraw()
        self._arrange()
        self._forget_if_empty(info)

    def _arrange(self) -> None:
        self.order = [info for info in self._nodes.values() if info.present]
        self._index = {info.name: i for i, info in enumerate(self.order)}
        self.layout += 1
        self.views.clear()

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
        if _repels(info):
            self.repelling[info.key] = info
        self._note(node)

    def remove_pod(self, key: str) -> bool:
        """The pod takes no room any more; whether it did."""
        node = self._where.pop(key, None)
        if node is None:
            return False
        info = self._nodes[node]
        info.remove(key)
        self.repelling.pop(key, None)
        self._note(node)
        self._forget_if_empty(info)
        return True

    def pod(self, key: str) -> PodInfo | None:
        node = self._where.get(key)
        return self._nodes[node].pods.get(key) if node is not None else None

    def _note(self, node: str) -> None:
        index = self._index.get(node)
        if index is None:
            return
        self._log.append(index)
        if len(self._log) > _LOG_LIMIT:
            drop = len(self._log) // 2
            del self._log[:drop]
            self._log_start += drop
