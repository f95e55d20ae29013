"""An operator as its author would write it, with kopf: a Widget gets a ConfigMap of its own, and its status tells of it."""

from __future__ import annotations

from typing import Any

import kopf
from kubernetes import client, config


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = True
    settings.persistence.finalizer = "example.com/widget-operator"
    config.load_kube_config()


@kopf.on.create("example.com", "v1", "widgets")
def make(spec: kopf.Spec, name: str, namespace: str, **_: Any) -> dict[str, Any]:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"size": str(spec["size"])}}
    kopf.adopt(body)
    client.CoreV1Api().create_namespaced_config_map(namespace, body)
    return {"map": name}


@kopf.on.update("example.com", "v1", "widgets", field="spec.size")
def resize(old: int, new: int, name: str, namespace: str, patch: kopf.Patch, **_: Any) -> None:
    client.CoreV1Api().patch_namespaced_config_map(name, namespace, {"data": {"size": str(new)}})
    patch.status["ready"] = new


@kopf.on.delete("example.com", "v1", "widgets")
def farewell(name: str, namespace: str, **_: Any) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-farewell"}}
    client.CoreV1Api().create_namespaced_config_map(namespace, body)
