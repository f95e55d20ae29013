"""Claims, volumes, classes and pods for tests of storage, and a world to look them up in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wherry.api.objects import Obj, key, name
from wherry.rules.objects.plan import Emit, Plan, Update
from wherry.rules.storage.binding.names import claim_keys
from wherry.rules.storage.binding.world import World


def claim(called: str = "c", size: str = "1Gi", *, modes: Iterable[str] = ("ReadWriteOnce",), phase: str = "Pending",
          notes: dict[str, str] | None = None, **spec: Any) -> Obj:  # fmt: skip
    meta: Obj = {"name": called, "namespace": "ns", "uid": f"uid-{called}", "resourceVersion": "7"}
    if notes:
        meta["annotations"] = notes
    asked = {"accessModes": list(modes), "resources": {"requests": {"storage": size}}, "volumeMode": "Filesystem"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": {**asked, **spec}, "status": {"phase": phase}}


def volume(called: str = "v", size: str = "1Gi", *, modes: Iterable[str] = ("ReadWriteOnce",), phase: str = "Available",
           labels: dict[str, str] | None = None, notes: dict[str, str] | None = None, **spec: Any) -> Obj:  # fmt: skip
    meta: Obj = {"name": called, "uid": f"uid-{called}", "resourceVersion": "8"}
    if labels:
        meta["labels"] = labels
    if notes:
        meta["annotations"] = notes
    offered = {"capacity": {"storage": size}, "accessModes": list(modes), "hostPath": {"path": "/tmp/x", "type": ""},
               "persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}  # fmt: skip
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": {**offered, **spec}, "status": {"phase": phase}}


def storage_class(called: str, provisioner: str = "wherry.dev/hostpath", **fields: Any) -> Obj:
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": called}, "provisioner": provisioner}
    return {**head, "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate", **fields}


def pod(called: str, *claims: str, node: str = "", phase: str = "Pending", **spec: Any) -> Obj:
    volumes = [{"name": f"v{i}", "persistentVolumeClaim": {"claimName": c}} for i, c in enumerate(claims)]
    body: Obj = {"containers": [{"name": "c", "image": "nginx"}], "volumes": volumes, **spec}
    if node:
        body["nodeName"] = node
    meta = {"name": called, "namespace": "ns", "uid": f"uid-{called}"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": body, "status": {"phase": phase}}


def reference_to(claim: Obj, **changes: str) -> Obj:
    meta = claim["metadata"]
    return {"kind": "PersistentVolumeClaim", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"], **changes}


class Things:
    """Everything there is; applies the updates of plans."""

    def __init__(self, *objs: Obj) -> None:
        self.objs = {(o["kind"], key(o)): o for o in objs}
        self.told: list[str] = []

    def get(self, kind: str, at: str) -> Obj:
        return self.objs[kind, at]

    def of(self, kind: str) -> list[Obj]:
        return [o for (k, _), o in sorted(self.objs.items()) if k == kind]

    @property
    def world(self) -> World:
        return World(
            claim=lambda at: self.objs.get(("PersistentVolumeClaim", at)),
            volume=lambda at: self.objs.get(("PersistentVolume", at)),
            storage_class=lambda at: self.objs.get(("StorageClass", at)),
            classes=lambda: self.of("StorageClass"),
            candidates=lambda _: self.of("PersistentVolume"),
            pods_of=lambda at: [p for p in self.of("Pod") if at in claim_keys(p)],
        )

    def apply(self, plan: Plan) -> bool:
        """Whether anything was written."""
        wrote = False
        for action in plan.actions:
            if isinstance(action, Emit):
                self.told.append(f"{name(action.about)} {action.type} {action.reason}: {action.message}")
            else:
                assert isinstance(action, Update), action
                self.objs[action.obj["kind"], key(action.obj)] = action.obj
                wrote = True
        return wrote
