"""How much a container may take, and below which control group its pod is. Pure.

Groups are a tree of wherry's own beside the kubelet's, so that a kubelet on the same machine does not take them away: below it a group per
QoS class and in these one per pod, as the kubelet has it.
Source of the rules: pkg/kubelet/cm/pod_container_manager_linux.go, cgroup_manager_linux.go (names of slices),
kuberuntime_container_linux.go (calculateLinuxResources).
"""

from __future__ import annotations

from typing import Any

from wherry.node.engine import Limits, PodBox

_PERIOD, _LEAST_QUOTA = 100_000, 1000
ROOT = "wherry"


def linux(limits: Limits) -> dict[str, Any]:
    """No swap beyond the memory: a container that takes too much is killed."""
    found: dict[str, Any] = {"cpu_shares": limits.shares, "oom_score_adj": limits.oom_score}
    if limits.cpu:
        found.update(cpu_period=_PERIOD, cpu_quota=max(round(limits.cpu * _PERIOD), _LEAST_QUOTA))
    if limits.memory:
        found.update(memory_limit_in_bytes=limits.memory, memory_swap_limit_in_bytes=limits.memory)
    if limits.huge_pages:
        found["hugepage_limits"] = [{"page_size": size, "limit": most} for size, most in limits.huge_pages]
    return found


def parent(pod: PodBox, *, systemd: bool) -> str:
    """The pod's own group: a path, or the name of a slice where systemd keeps the groups."""
    parts = [ROOT, *([pod.qos.lower()] if pod.qos != "Guaranteed" else []), f"pod{pod.id}"]
    if not systemd:
        return "/" + "/".join(parts)
    return "-".join(part.replace("-", "_") for part in parts) + ".slice"
