"""Services, pods, nodes and slices for the tests of endpoints."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj


def service(name: str = "web", *, ports: list[Obj] | None = None, labels: dict[str, str] | None = None, **spec: Any) -> Obj:
    metadata: Obj = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "creationTimestamp": "2025-06-01T00:00:00Z"}
    if labels:
        metadata["labels"] = labels
    defaults = {"type": "ClusterIP", "clusterIP": "10.96.0.7", "ipFamilies": ["IPv4"], "selector": {"app": "web"}}
    ports = ports if ports is not None else [port(80)]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {**defaults, "ports": ports, **spec}}


def port(number: int, target: int | str | None = None, name: str = "", **fields: Any) -> Obj:
    named = {"name": name} if name else {}
    return {**named, "protocol": "TCP", "port": number, "targetPort": number if target is None else target, **fields}


def pod(number: int, *, ready: bool = True, terminating: bool = False, phase: str = "Running", ips: list[str] | None = None,
        node: str = "n1", since: str = "2025-06-01T00:00:10Z", container_ports: list[Obj] | None = None, **spec: Any) -> Obj:
    metadata: Obj = {"name": f"web-{number}", "namespace": "ns", "uid": f"uid-{number:04}", "labels": {"app": "web"}}
    if terminating:
        metadata["deletionTimestamp"] = "2025-06-01T01:00:00Z"
    found = [f"10.1.{number // 250}.{number % 250 + 1}"] if ips is None else ips
    status: Obj = {"phase": phase, "conditions": [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since}]}
    if found:
        status |= {"podIP": found[0], "podIPs": [{"ip": ip} for ip in found]}
    full = {"nodeName": node, "containers": [{"name": "c", "ports": container_ports or []}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": full, "status": status}


def node(name: str, zone: str = "") -> Obj:
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
