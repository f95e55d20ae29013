"""Objects that the tests of the testing tools make."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.api.resources import resource

DEPLOYMENTS = resource("deployments", "apps")
PODS = resource("pods")
NODES = resource("nodes")
MAPS = resource("configmaps")


def deployment(name: str = "web", image: str = "app:v1", replicas: int = 2, annotations: dict[str, str] | None = None, **spec: Any) -> Obj:
    labels = {"app": name}
    metadata: Obj = {"labels": labels, **({"annotations": annotations} if annotations else {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": image}]}},
            **spec,
        },
    }


def config_map(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
