"""Defaults of the core kinds that are neither workloads nor services: one short function per kind.

Called through the strategies on every object that comes in. Idempotent. Fields that the reference's JSON always carries, even when
empty, are filled in here too.
Source: pkg/apis/core/v1/defaults.go; of a Secret's stringData pkg/apis/core/v1/conversion.go.
"""

from __future__ import annotations

import base64

from wherry.api.objects import Obj


def default_namespace(draft: Obj) -> None:
    meta = draft.setdefault("metadata", {})
    if name := meta.get("name"):
        labels = meta.get("labels") or {}
        if labels.get("kubernetes.io/metadata.name") != name:
            meta["labels"] = {**labels, "kubernetes.io/metadata.name": name}
    draft.setdefault("spec", {})
    draft["status"] = {"phase": "Active", **(draft.get("status") or {})}


def default_secret(draft: Obj) -> None:
    if texts := draft.pop("stringData", None):
        encoded = {k: base64.b64encode(v.encode()).decode() for k, v in texts.items()}
        draft["data"] = {**(draft.get("data") or {}), **encoded}
    if not draft.get("type"):
        draft["type"] = "Opaque"


def default_endpoints(draft: Obj) -> None:
    for subset in draft.get("subsets") or ():
        for port in subset.get("ports") or ():
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def default_node(draft: Obj) -> None:
    """Allocatable is capacity where nothing is reserved; podCIDR is the first of podCIDRs, and wins where they differ."""
    spec = draft.setdefault("spec", {})
    single, several = spec.get("podCIDR"), spec.get("podCIDRs")
    if single and (not several or several[0] != single):
        spec["podCIDRs"] = [single]
    elif several and not single:
        spec["podCIDR"] = several[0]
    status = draft.get("status")
    if status is None:
        status = draft["status"] = {}
    if status.get("allocatable") is None and status.get("capacity"):
        status["allocatable"] = dict(status["capacity"])
    status.setdefault("daemonEndpoints", {}).setdefault("kubeletEndpoint", {"Port": 0})
    info = status.setdefault("nodeInfo", {})
    for name in _NODE_INFO:
        info.setdefault(name, "")


_NODE_INFO = ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion",
              "kubeProxyVersion", "operatingSystem", "architecture")


def default_limit_range(draft: Obj) -> None:
    """Of containers: max fills default, default fills defaultRequest, then min does."""
    spec = draft.setdefault("spec", {})
    if spec.get("limits") is None:
        spec["limits"] = None
    for item in spec["limits"] or ():
        if item.get("type") != "Container":
            continue
        default = {**(item.get("max") or {}), **(item.get("default") or {})}
        request = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
        if default:
            item["default"] = default
        if request:
            item["defaultRequest"] = request


def default_resource_quota(draft: Obj) -> None:
    draft.setdefault("spec", {})
    draft.setdefault("status", {})
