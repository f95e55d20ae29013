"""StatefulSets for tests: as the API server stores them, in a world with the real controller."""

from __future__ import annotations

from typing import Any

from tests.worlds.memory import World, template
from wherry.api.objects import Obj
from wherry.controllers.statefulset import StatefulSetController


def stateful_world() -> World:
    return World(StatefulSetController, "StatefulSet")


def rolling(partition: int = 0, **more: Any) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": partition, **more}}


ON_DELETE = {"type": "OnDelete"}


def claim_template(name: str = "data", **metadata: Any) -> Obj:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeMode": "Filesystem"}
    kind = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return {**kind, "metadata": {"name": name, **metadata}, "spec": spec, "status": {"phase": "Pending"}}


def stateful_set(name: str = "web", image: str = "nginx:1", **spec: Any) -> Obj:
    defaults: dict[str, Any] = {
        "replicas": 3, "serviceName": "web", "selector": {"matchLabels": {"app": name}}, "template": template(image, name),
        "podManagementPolicy": "OrderedReady", "updateStrategy": rolling(), "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }
    status = {"replicas": 0, "availableReplicas": 0}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": {**defaults, **spec}, "status": status}
