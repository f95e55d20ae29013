"""Workloads for tests of the rollout library: plain objects, and a cluster without a server."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.api.resources import resource

DEPLOYMENTS, STATEFUL_SETS = resource("deployments", "apps"), resource("statefulsets", "apps")


def template(image: str = "nginx:1", **labels: str) -> Obj:
    return {"metadata": {"labels": {"app": "web", **labels}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def deployment(name: str = "web", image: str = "nginx:1", *, replicas: int = 3, **spec: Any) -> Obj:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default", "generation": 1},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template(image), **spec}, "status": {}}


def with_status(obj: Obj, **status: Any) -> Obj:
    return {**obj, "status": {"observedGeneration": 1, **status}}


def stateful_set(**strategy: Any) -> Obj:
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "generation": 1},
            "spec": {"replicas": 4, "updateStrategy": {"type": "RollingUpdate", **strategy}, "template": template()}, "status": {}}


def daemon_set(kind: str = "RollingUpdate") -> Obj:
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "generation": 1},
            "spec": {"updateStrategy": {"type": kind}, "template": template()}, "status": {}}
