"""Defaults of volumes, claims, storage classes and CSI drivers.

Source: pkg/apis/core/v1/defaults.go, pkg/apis/storage/v1/defaults.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.schema.defaults.pod_volumes import default_source

_SOURCES = ("hostPath", "rbd", "iscsi", "azureDisk", "scaleIO")


def default_volume(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    if not spec.get("persistentVolumeReclaimPolicy"):
        spec["persistentVolumeReclaimPolicy"] = "Retain"
    _volume_mode(spec)
    for kind in _SOURCES:
        if (source := spec.get(kind)) is not None:
            default_source(kind, source)
    _phase(draft)


def default_claim(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    spec.setdefault("resources", {})
    _volume_mode(spec)
    _phase(draft)


def _volume_mode(spec: Obj) -> None:
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"


def _phase(draft: Obj) -> None:
    status = draft.get("status") or {}
    if not status.get("phase"):
        draft["status"] = {**status, "phase": "Pending"}


def default_class(draft: Obj) -> None:
    if draft.get("reclaimPolicy") is None:
        draft["reclaimPolicy"] = "Delete"
    if draft.get("volumeBindingMode") is None:
        draft["volumeBindingMode"] = "Immediate"


def default_driver(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    values = {"attachRequired": True, "podInfoOnMount": False, "storageCapacity": False, "fsGroupPolicy": "ReadWriteOnceWithFSType",
              "requiresRepublish": False, "seLinuxMount": False}
    for name, value in values.items():
        if spec.get(name) is None:
            spec[name] = value
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def default_node(draft: Obj) -> None:
    """`spec.drivers`, and `topologyKeys` of each, are there even when empty."""
    spec = draft.setdefault("spec", {})
    if spec.get("drivers") is None:
        spec["drivers"] = None
    for driver in spec["drivers"] or ():
        driver.setdefault("topologyKeys", None)


def default_attachment(draft: Obj) -> None:
    draft["status"] = {"attached": False, **(draft.get("status") or {})}
