"""What a pod says of itself to its containers: fields (`fieldRef`) and resources (`resourceFieldRef`), as text.

Called by `environment` and by `volumes` for the downward API. A limit that is not set is what the node can give.
Source of the rule: pkg/fieldpath, pkg/api/v1/resource/helpers.go, kubelet_pods.go podFieldSelectorRuntimeValue;
https://kubernetes.io/docs/concepts/workloads/pods/downward-api/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.api import quantity
from wherry.api.objects import Obj

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the pod runs: addresses of its own and of its node (the first is the main one), and what the node can give to pods."""

    pod_ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)


def field_value(pod: Obj, path: str, setting: Setting) -> str:
    """Raises ValueError for a path that is none."""
    meta, spec = pod["metadata"], pod["spec"]
    match path:
        case "metadata.name" | "metadata.namespace" | "metadata.uid":
            return str(meta.get(path.partition(".")[2], ""))
        case "metadata.labels" | "metadata.annotations":
            return _map(meta.get(path.partition(".")[2]) or {})
        case "spec.nodeName" | "spec.serviceAccountName":
            return str(spec.get(path.partition(".")[2], ""))
        case "status.hostIP" | "status.podIP":
            listed = setting.host_ips if path == "status.hostIP" else setting.pod_ips
            return listed[0] if listed else ""
        case "status.hostIPs" | "status.podIPs":
            return ",".join(setting.host_ips if path == "status.hostIPs" else setting.pod_ips)
    found = _SUBSCRIPT.fullmatch(path)
    if found is None:
        raise ValueError(f"unsupported fieldPath: {path}")
    return str((meta.get(found[1]) or {}).get(found[2], ""))


def _map(listed: Mapping[str, str]) -> str:
    """A line for each entry, sorted."""
    return "\n".join(f"{key}={json.dumps(listed[key], ensure_ascii=False)}" for key in sorted(listed))


def resource_value(pod: Obj, container: Obj, ref: Obj, setting: Setting) -> str:
    """Raises ValueError for a container or resource that is none."""
    named = ref.get("containerName")
    if named:
        listed = (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"])
        container = next((c for c in listed if c["name"] == named), {})
        if not container:
            raise ValueError(f"container {named} not found")
    part, _, what = ref["resource"].partition(".")
    if part not in ("limits", "requests") or (what not in ("cpu", "memory", "ephemeral-storage") and not what.startswith("hugepages-")):
        raise ValueError(f"unsupported container resource : {ref['resource']}")
    amount = ((container.get("resources") or {}).get(part) or {}).get(what)
    if part == "limits" and what in ("cpu", "memory", "ephemeral-storage") and (amount is None or quantity.nano(amount) == 0):
        amount = setting.allocatable.get(what)
    return _divided(amount or "0", ref.get("divisor"))


def _divided(amount: str, divisor: str | None) -> str:
    """Rounded up."""
    by = quantity.nano(divisor) if divisor else 0
    return str(-(-quantity.nano(amount) // (by or 10**9)))
