"""Defaults of a Service; addresses and ports are given by `wherry.rules.networking.services.allocation`.

Called through the strategy on every Service that comes in. Idempotent.
Source: pkg/apis/core/v1/defaults.go SetDefaults_Service.
"""

from __future__ import annotations

from wherry.api.objects import Obj

CLIENT_IP_SECONDS = 10800


def default_service(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    _session(spec)
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if port.get("targetPort", 0) in (0, ""):
            port["targetPort"] = port.get("port", 0)
    _traffic(spec)
    if spec["type"] == "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is None:
            spec["allocateLoadBalancerNodePorts"] = True
        for entry in ((draft.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
            if entry.get("ip") and entry.get("ipMode") is None:
                entry["ipMode"] = "VIP"
    status = draft.get("status")
    if status is None:
        draft["status"] = {"loadBalancer": {}}
    elif "loadBalancer" not in status:
        status["loadBalancer"] = {}


def _session(spec: Obj) -> None:
    affinity = spec.get("sessionAffinity") or "None"
    spec["sessionAffinity"] = affinity
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        config = spec.get("sessionAffinityConfig") or {}
        if (config.get("clientIP") or {}).get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": CLIENT_IP_SECONDS}}


def externally_accessible(spec: Obj) -> bool:
    """Whether clients outside of the cluster reach it by the cluster's own doing."""
    type_ = spec.get("type")
    return type_ in ("LoadBalancer", "NodePort") or (type_ == "ClusterIP" and bool(spec.get("externalIPs")))


def _traffic(spec: Obj) -> None:
    if externally_accessible(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec.get("internalTrafficPolicy") is None and spec["type"] in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec["internalTrafficPolicy"] = "Cluster"
