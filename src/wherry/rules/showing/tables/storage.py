"""Rows of storage.k8s.io: classes, attachments, CSI. Called through `tables.row`. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import NONE, UNSET, age, name, notes, part, spec, status
from wherry.rules.showing.tables.column import AGE, NAME, Column, Printer, boolean, doc, integer, text

_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def _storage_class(obj: Obj, now: float) -> list[Any]:
    default = any(notes(obj).get(key) == "true" for key in _DEFAULT_CLASS)
    return [name(obj) + (" (default)" if default else ""), obj.get("provisioner", ""), obj.get("reclaimPolicy") or "Delete",
            obj.get("volumeBindingMode") or "Immediate", bool(obj.get("allowVolumeExpansion")), age(obj, now)]  # fmt: skip


def _attributes_class(obj: Obj, now: float) -> list[Any]:
    return [name(obj), obj.get("driverName", ""), age(obj, now)]


def _attachment(obj: Obj, now: float) -> list[Any]:
    return [name(obj), spec(obj).get("attacher", ""), part(obj, "spec", "source").get("persistentVolumeName") or "",
            spec(obj).get("nodeName", ""), bool(status(obj).get("attached")), age(obj, now)]  # fmt: skip


def _csi_node(obj: Obj, now: float) -> list[Any]:
    return [name(obj), len(spec(obj).get("drivers") or ()), age(obj, now)]


def _csi_driver(obj: Obj, now: float) -> list[Any]:
    wanted = spec(obj)
    tokens = wanted.get("tokenRequests")
    return [name(obj), wanted.get("attachRequired") is not False, bool(wanted.get("podInfoOnMount")), bool(wanted.get("storageCapacity")),
            UNSET if tokens is None else ",".join(t.get("audience", "") for t in tokens), bool(wanted.get("requiresRepublish")),
            ",".join(wanted.get("volumeLifecycleModes") or ()) or NONE, age(obj, now)]  # fmt: skip


def _csi_capacity(obj: Obj, now: float) -> list[Any]:
    capacity = obj.get("capacity")
    return [name(obj), obj.get("storageClassName", ""), UNSET if capacity is None else quantity.canonical(capacity)]


_CLASS, _DRIVER, _CAPACITY = "storage.v1.StorageClass", "storage.v1.CSIDriverSpec", "storage.v1.CSIStorageCapacity"
PRINTERS = {
    "StorageClass.storage.k8s.io": Printer(
        (
            NAME,
            text("Provisioner", doc(_CLASS, "provisioner")),
            text("ReclaimPolicy", doc(_CLASS, "reclaimPolicy")),
            text("VolumeBindingMode", doc(_CLASS, "volumeBindingMode")),
            text("AllowVolumeExpansion", doc(_CLASS, "allowVolumeExpansion")),
            AGE,
        ),
        _storage_class,
    ),
    "VolumeAttributesClass.storage.k8s.io": Printer(
        (NAME, text("DriverName", doc("storage.v1.VolumeAttributesClass", "driverName")), AGE), _attributes_class
    ),
    "VolumeAttachment.storage.k8s.io": Printer(
        (
            NAME,
            Column("Attacher", "string", doc("storage.v1.VolumeAttachmentSpec", "attacher"), "name"),
            text("PV", doc("storage.v1.VolumeAttachmentSource", "persistentVolumeName")),
            text("Node", doc("storage.v1.VolumeAttachmentSpec", "nodeName")),
            boolean("Attached", doc("storage.v1.VolumeAttachmentStatus", "attached")),
            AGE,
        ),
        _attachment,
    ),
    "CSINode.storage.k8s.io": Printer(
        (NAME, integer("Drivers", "Drivers indicates the number of CSI drivers registered on the node"), AGE), _csi_node
    ),
    "CSIDriver.storage.k8s.io": Printer(
        (
            NAME,
            boolean("AttachRequired", doc(_DRIVER, "attachRequired")),
            boolean("PodInfoOnMount", doc(_DRIVER, "podInfoOnMount")),
            boolean("StorageCapacity", doc(_DRIVER, "storageCapacity")),
            text("TokenRequests", doc(_DRIVER, "tokenRequests")),
            boolean("RequiresRepublish", doc(_DRIVER, "requiresRepublish")),
            text("Modes", doc(_DRIVER, "volumeLifecycleModes")),
            AGE,
        ),
        _csi_driver,
    ),
    "CSIStorageCapacity.storage.k8s.io": Printer(
        (NAME, text("StorageClassName", doc(_CAPACITY, "storageClassName")), text("Capacity", doc(_CAPACITY, "capacity"))), _csi_capacity
    ),
}
