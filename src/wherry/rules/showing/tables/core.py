"""Rows of the small core kinds: namespaces, config, accounts, quotas, component statuses. Called through `tables.row`.

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import age, name, spec, status
from wherry.rules.showing.tables.column import AGE, NAME, Printer, doc, text


def _namespace(obj: Obj, now: float) -> list[Any]:
    return [name(obj), status(obj).get("phase", ""), age(obj, now)]


def _config_map(obj: Obj, now: float) -> list[Any]:
    return [name(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj, now)]


def _secret(obj: Obj, now: float) -> list[Any]:
    return [name(obj), obj.get("type", ""), len(obj.get("data") or ()), age(obj, now)]


def named(obj: Obj, now: float) -> list[Any]:
    """Name and age, for kinds with nothing more to show."""
    return [name(obj), age(obj, now)]


def _component_status(obj: Obj, now: float) -> list[Any]:
    healthy = next((c for c in obj.get("conditions") or () if c.get("type") == "Healthy"), None)
    if healthy is None:
        return [name(obj), "Unknown", "", ""]
    return [name(obj), "Healthy" if healthy.get("status") == "True" else "Unhealthy", healthy.get("message", ""), healthy.get("error", "")]


def _resource_quota(obj: Obj, now: float) -> list[Any]:
    hard, used = status(obj).get("hard") or {}, status(obj).get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for resource in sorted(hard):
        shown = f"{resource}: {quantity.canonical(used.get(resource, '0'))}/{quantity.canonical(hard[resource])}"
        (limits if resource.startswith("limits.") else requests).append(shown)
    return [name(obj), ", ".join(requests), ", ".join(limits), age(obj, now)]


def _lease(obj: Obj, now: float) -> list[Any]:
    return [name(obj), spec(obj).get("holderIdentity") or "", age(obj, now)]


PRINTERS = {
    "Namespace": Printer((NAME, text("Status", "The status of the namespace"), AGE), _namespace),
    "ConfigMap": Printer((NAME, text("Data", doc("core.v1.ConfigMap", "data")), AGE), _config_map),
    "Secret": Printer((NAME, text("Type", doc("core.v1.Secret", "type")), text("Data", doc("core.v1.Secret", "data")), AGE), _secret),
    "ServiceAccount": Printer((NAME, AGE), named),
    "ComponentStatus": Printer(
        (
            NAME,
            text("Status", "Status of the component conditions"),
            text("Message", "Message of the component conditions"),
            text("Error", "Error of the component conditions"),
        ),
        _component_status,
    ),
    "ResourceQuota": Printer(
        (
            NAME,
            text("Request", "Request represents a minimum amount of cpu/memory that a container may consume."),
            text(
                "Limit",
                "Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.",
            ),
            AGE,
        ),
        _resource_quota,
    ),
    "Lease.coordination.k8s.io": Printer((NAME, text("Holder", doc("coordination.v1.LeaseSpec", "holderIdentity")), AGE), _lease),
}
