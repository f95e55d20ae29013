"""What a node says of itself: its Node object, the conditions it renews, and the lease that shows it is alive.

Called by the node agent. Conditions keep their `lastTransitionTime` while the status stays.
Source of the rules and of the texts: pkg/kubelet/nodestatus/setters.go, kubelet_node_status.go; https://kubernetes.io/docs/reference/node/node-status/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.api.quantity import canonical

KUBELET_VERSION = "v1.36.2"
LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40

#: type -> reason and message while it is so, and while it is not
PRESSURES = {
    "MemoryPressure": (("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
                       ("KubeletHasSufficientMemory", "kubelet has sufficient memory available")),
    "DiskPressure": (("KubeletHasDiskPressure", "kubelet has disk pressure"), ("KubeletHasNoDiskPressure", "kubelet has no disk pressure")),
    "PIDPressure": (("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
                    ("KubeletHasSufficientPID", "kubelet has sufficient PID available")),
}
_MOST_IMAGES, _MOST_NAMES = 50, 5


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """What is fixed about one node. `capacity` is a ResourceList; all of it is allocatable.

    `features`: that it declares. `pod_range`: the addresses of its pods, "" where that is not fixed. `kubelet_address`: where its own API
    is reached, "" for `internal_ip` (which a node inside a fabric has, where nobody outside of it comes).
    """

    name: str
    internal_ip: str
    capacity: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    architecture: str = "amd64"
    runtime_version: str = "simulated://1"
    os_image: str = "wherry simulated node"
    kernel_version: str = "simulated"
    kubelet_port: int = 10250
    kubelet_address: str = ""
    machine_id: str = ""
    boot_id: str = ""
    pod_range: str = ""
    features: tuple[str, ...] = ()


class NodeFacts(NamedTuple):
    """What changes while a node runs. `pressures`: condition types that hold; `trouble`: why it is not ready, "" when it is.

    `images`: as `listed_images` gives them, None for what is not said.
    """

    pressures: frozenset[str] = frozenset()
    images: list[Obj] | None = None
    trouble: str = ""


QUIET = NodeFacts()


def node_labels(spec: NodeSpec) -> dict[str, str]:
    standard = {
        "beta.kubernetes.io/arch": spec.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": spec.architecture,
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/os": "linux",
    }
    return {**standard, **spec.labels}


def node_annotations(spec: NodeSpec, before: Mapping[str, str]) -> dict[str, str]:
    """Those of others stay; one that the node says nothing with goes."""
    return {key: text for key, text in {**before, **spec.annotations}.items() if text or key not in spec.annotations}


def new_node(spec: NodeSpec, now: float) -> Obj:
    """The object a node registers."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": spec.name,
            "labels": node_labels(spec),
            **({"annotations": said} if (said := node_annotations(spec, {})) else {}),
        },
        "spec": {"podCIDR": spec.pod_range, "podCIDRs": [spec.pod_range]} if spec.pod_range else {},
        "status": node_status(spec, {}, now),
    }


def listed_images(found: Iterable[tuple[tuple[str, ...], int]]) -> list[Obj]:
    """The largest ones, by (names, bytes): digests come first among the names."""
    ordered = sorted(found, key=lambda one: (-one[1], one[0]))[:_MOST_IMAGES]
    return [{"names": list(names[:_MOST_NAMES]), "sizeBytes": size} for names, size in ordered]


def _said(facts: NodeFacts) -> Iterator[tuple[str, str, str, str]]:
    """Type, status, reason and message of each condition."""
    for type_, (bad, good) in PRESSURES.items():
        yield (type_, "True", *bad) if type_ in facts.pressures else (type_, "False", *good)
    if facts.trouble:
        yield "Ready", "False", "KubeletNotReady", facts.trouble
    else:
        yield "Ready", "True", "KubeletReady", "kubelet is posting ready status"


def conditions(old: Obj, now: float, facts: NodeFacts = QUIET) -> list[Obj]:
    """The kubelet's four conditions with a new heartbeat; those of others stay."""
    known = {c["type"]: c for c in old.get("conditions") or ()}
    at = timestamps.time(now)
    found = []
    for type_, status, reason, message in _said(facts):
        before = known.pop(type_, None)
        since = before["lastTransitionTime"] if before and before.get("status") == status else at
        found.append(
            {"type": type_, "status": status, "lastHeartbeatTime": at, "lastTransitionTime": since, "reason": reason, "message": message}
        )
    return [*known.values(), *found]


def node_status(spec: NodeSpec, old: Obj, now: float, facts: NodeFacts = QUIET) -> Obj:
    """The whole status, in the reference's order of fields. What others keep there (volumes) stays."""
    status: Obj = {
        "capacity": {name: canonical(amount) for name, amount in spec.capacity.items()},
        "allocatable": {name: canonical(amount) for name, amount in spec.capacity.items()},
        "conditions": conditions(old, now, facts),
        "addresses": [
            {"type": "InternalIP", "address": spec.kubelet_address or spec.internal_ip}, {"type": "Hostname", "address": spec.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": spec.kubelet_port}},
        "nodeInfo": {
            "machineID": spec.machine_id,
            "systemUUID": spec.machine_id,
            "bootID": spec.boot_id or spec.machine_id,
            "kernelVersion": spec.kernel_version,
            "osImage": spec.os_image,
            "containerRuntimeVersion": spec.runtime_version,
            "kubeletVersion": KUBELET_VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": spec.architecture,
        },
    }
    if facts.images is not None:
        status["images"] = facts.images
    if spec.features:
        status["declaredFeatures"] = list(spec.features)
    return {**old, **status}


def lease(node: Obj, now: float, old: Obj | None = None) -> Obj:
    """The node's lease, renewed now; the first one belongs to the node object."""
    name = node["metadata"]["name"]
    renewed = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": timestamps.micro_time(now)}
    if old is not None:
        return {**old, "spec": {**(old.get("spec") or {}), **renewed}}
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "spec": renewed,
        "metadata": {"name": name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
    }
