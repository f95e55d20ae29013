"""Rows of nodes and runtime classes. Called through `tables.row`. Source: pkg/printers/internalversion/printers.go printNode."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj, labels
from wherry.rules.showing.tables.cells import NONE, UNKNOWN, age, name, part, spec, status
from wherry.rules.showing.tables.column import AGE, NAME, Printer, doc, text, wide

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE = "kubernetes.io/role"


def roles(node: Obj) -> list[str]:
    """The roles that labels give a node, sorted."""
    found = {k.removeprefix(_ROLE_PREFIX) for k in labels(node) if k.startswith(_ROLE_PREFIX)}
    found.add(labels(node).get(_ROLE, ""))
    return sorted(found - {""})


def _state(node: Obj) -> str:
    ready = [c for c in status(node).get("conditions") or () if c.get("type") == "Ready"]
    words = ["Unknown"] if not ready else ["Ready" if ready[-1].get("status") == "True" else "NotReady"]
    if spec(node).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _address(node: Obj, type_: str) -> str:
    return next((a.get("address", "") for a in status(node).get("addresses") or () if a.get("type") == type_), NONE)


def _node(node: Obj, now: float) -> list[Any]:
    info = part(node, "status", "nodeInfo")
    kernel = info.get("kernelVersion") or UNKNOWN
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return [name(node), _state(node), ",".join(roles(node)) or NONE, age(node, now), info.get("kubeletVersion", ""),
            _address(node, "InternalIP"), _address(node, "ExternalIP"), info.get("osImage") or UNKNOWN, kernel,
            info.get("containerRuntimeVersion") or UNKNOWN]  # fmt: skip


def _runtime_class(obj: Obj, now: float) -> list[Any]:
    return [name(obj), obj.get("handler", ""), age(obj, now)]


_INFO = "core.v1.NodeSystemInfo"
PRINTERS = {
    "Node": Printer(
        (
            NAME,
            text("Status", "The status of the node"),
            text("Roles", "The roles of the node"),
            AGE,
            text("Version", doc(_INFO, "kubeletVersion")),
            wide("Internal-IP", doc("core.v1.NodeStatus", "addresses")),
            wide("External-IP", doc("core.v1.NodeStatus", "addresses")),
            wide("OS-Image", doc(_INFO, "osImage")),
            wide("Kernel-Version", doc(_INFO, "kernelVersion")),
            wide("Container-Runtime", doc(_INFO, "containerRuntimeVersion")),
        ),
        _node,
    ),
    "RuntimeClass.node.k8s.io": Printer((NAME, text("Handler", ""), AGE), _runtime_class),
}
