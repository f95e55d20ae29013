"""DaemonSets and nodes for tests: as the API server stores them, in a world with the real controller."""

from __future__ import annotations

from typing import Any

from tests.worlds.memory import World, template
from wherry.api.objects import Obj, with_metadata
from wherry.controllers.daemonset import DaemonSetController
from wherry.rules.workloads.daemonset.strategy import TEMPLATE_GENERATION


def daemon_world(nodes: int = 0) -> World:
    world = World(DaemonSetController, "DaemonSet")
    for number in range(1, nodes + 1):
        world.create(node(f"node-{number}"))
    return world


def node(name: str, labels: dict[str, str] | None = None, taints: list[Obj] | None = None) -> Obj:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels or {}}, "spec": {"taints": taints or []}}


def rolling(max_unavailable: int | str = 1, max_surge: int | str = 0) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": max_unavailable, "maxSurge": max_surge}}


ON_DELETE = {"type": "OnDelete"}


def daemon_set(name: str = "agent", image: str = "agent:1", **spec: Any) -> Obj:
    defaults: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}}, "template": template(image, name), "updateStrategy": rolling(),
        "revisionHistoryLimit": 10,
    }
    status = {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}
    metadata = {"name": name, "annotations": {TEMPLATE_GENERATION: "1"}}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": {**defaults, **spec}, "status": status}


def change_template(world: World, name: str, new: Obj) -> None:
    """What a user does to a template, with what the API server counts of it."""
    old = world.get("DaemonSet", name)
    if new != old["spec"]["template"]:
        count = int(old["metadata"]["annotations"][TEMPLATE_GENERATION]) + 1
        noted = with_metadata(old, annotations={TEMPLATE_GENERATION: str(count)})
        world.update({**noted, "spec": {**old["spec"], "template": new}})
