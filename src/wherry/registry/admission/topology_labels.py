"""PodTopologyLabels: a pod carries the zone and the region of its node as labels.

Asked when a pod is bound, and when one that has a node is written. Source: plugin/pkg/admission/podtopologylabels; KEP-4742.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request
from wherry.store.protocol import Store

LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        if resource.group_resource != "pods":
            return False
        return (operation in ("CREATE", "UPDATE") and not subresource) or (operation == "CREATE" and subresource == "binding")

    async def admit(self, request: Request) -> None:
        draft = request.draft
        if request.subresource:
            target = draft.get("target") or {}
            node = target.get("name", "") if target.get("kind") == "Node" else ""
        else:
            node = draft["spec"].get("nodeName", "")
        if node and (found := await labels_of_node(self._store, node)):
            meta = draft["metadata"]
            meta["labels"] = {**(meta.get("labels") or {}), **found}


async def labels_of_node(store: Store, name: str) -> Obj:
    """Those of the node that its pods carry."""
    at = f"nodes/{name}"
    record = store.known(at) or await store.get(at)
    labels: Obj = (record.object()["metadata"].get("labels") or {}) if record is not None else {}
    return {name: labels[name] for name in LABELS if name in labels}
