"""Small manifests for rehearsals."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj


def workload(kind: str = "Deployment", replicas: int = 10, *, cpu: str = "", **spec: Any) -> Obj:
    container: Obj = {"name": "c", "image": "app:1"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    own: Obj = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    if kind != "DaemonSet":
        own["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": own}


def rolling(**settings: int | str) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": settings}


def node(name: str, cpu: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "30"}},
    }


def budget(least: int | str) -> Obj:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}},
    }
