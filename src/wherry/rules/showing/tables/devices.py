"""Rows of resource.k8s.io (dynamic resource allocation). Called through `tables.row`. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import age, name, part, spec, status
from wherry.rules.showing.tables.column import AGE, NAME, Printer, doc, text
from wherry.rules.showing.tables.core import named


def _claim_state(obj: Obj) -> str:
    deleted, allocated = bool(obj["metadata"].get("deletionTimestamp")), status(obj).get("allocation") is not None
    words = ["deleted"] if deleted else []
    if allocated:
        words.append("allocated")
        if status(obj).get("reservedFor"):
            words.append("reserved")
    elif not deleted:
        words.append("pending")
    return ",".join(words)


def _claim(obj: Obj, now: float) -> list[Any]:
    return [name(obj), _claim_state(obj), age(obj, now)]


def _slice(obj: Obj, now: float) -> list[Any]:
    wanted = spec(obj)
    return [name(obj), wanted.get("nodeName") or "", wanted.get("driver", ""), part(wanted, "pool").get("name", ""), age(obj, now)]


PRINTERS = {
    "DeviceClass.resource.k8s.io": Printer((NAME, AGE), named),
    "ResourceClaimTemplate.resource.k8s.io": Printer((NAME, AGE), named),
    "ResourceClaim.resource.k8s.io": Printer(
        (NAME, text("State", "A summary of the current state (allocated, pending, reserved, etc.)."), AGE), _claim
    ),
    "ResourceSlice.resource.k8s.io": Printer(
        (
            NAME,
            text("Node", doc("resource.v1.ResourceSliceSpec", "nodeName")),
            text("Driver", doc("resource.v1.ResourceSliceSpec", "driver")),
            text("Pool", doc("resource.v1.ResourcePool", "name")),
            AGE,
        ),
        _slice,
    ),
}
