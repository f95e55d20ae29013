"""Rows of persistent volumes and claims. Called through `tables.row`. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import UNSET, age, name, notes, spec, status
from wherry.rules.showing.tables.column import AGE, NAME, Printer, doc, text, wide

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def access_modes(modes: Iterable[str] | None) -> str:
    """Short names, each once, in fixed order."""
    given = set(modes or ())
    return ",".join(short for mode, short in _MODES.items() if mode in given)


def _class(obj: Obj) -> str:
    fallback: str = spec(obj).get("storageClassName") or ""
    return notes(obj).get(_CLASS_ANNOTATION, fallback)


def _phase(obj: Obj) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else status(obj).get("phase", "")


def _or_unset(value: str | None) -> str:
    return UNSET if value is None else value


def _storage(amounts: Obj | None) -> str:
    return quantity.canonical((amounts or {}).get("storage", "0"))


def _volume(obj: Obj, now: float) -> list[Any]:
    wanted = spec(obj)
    claim = wanted.get("claimRef")
    return [name(obj), _storage(wanted.get("capacity")), access_modes(wanted.get("accessModes")),
            wanted.get("persistentVolumeReclaimPolicy", ""), _phase(obj),
            "" if claim is None else f"{claim.get('namespace', '')}/{claim.get('name', '')}", _class(obj),
            _or_unset(wanted.get("volumeAttributesClassName")), status(obj).get("reason", ""), age(obj, now),
            _or_unset(wanted.get("volumeMode"))]  # fmt: skip


def _claim(obj: Obj, now: float) -> list[Any]:
    wanted, state = spec(obj), status(obj)
    volume = wanted.get("volumeName") or ""
    return [name(obj), _phase(obj), volume, _storage(state.get("capacity")) if volume else "",
            access_modes(state.get("accessModes")) if volume else "", _class(obj), _or_unset(wanted.get("volumeAttributesClassName")),
            age(obj, now), _or_unset(wanted.get("volumeMode"))]  # fmt: skip


_PV, _PVC = "core.v1.PersistentVolume", "core.v1.PersistentVolumeClaim"
PRINTERS = {
    "PersistentVolume": Printer(
        (
            NAME,
            text("Capacity", doc(f"{_PV}Spec", "capacity")),
            text("Access Modes", doc(f"{_PV}Spec", "accessModes")),
            text("Reclaim Policy", doc(f"{_PV}Spec", "persistentVolumeReclaimPolicy")),
            text("Status", doc(f"{_PV}Status", "phase")),
            text("Claim", doc(f"{_PV}Spec", "claimRef")),
            text("StorageClass", "StorageClass of the pv"),
            text("VolumeAttributesClass", "VolumeAttributesClass of the pv"),
            text("Reason", doc(f"{_PV}Status", "reason")),
            AGE,
            wide("VolumeMode", doc(f"{_PV}Spec", "volumeMode")),
        ),
        _volume,
    ),
    "PersistentVolumeClaim": Printer(
        (
            NAME,
            text("Status", doc(f"{_PVC}Status", "phase")),
            text("Volume", doc(f"{_PVC}Spec", "volumeName")),
            text("Capacity", doc(f"{_PVC}Status", "capacity")),
            text("Access Modes", doc(f"{_PVC}Status", "accessModes")),
            text("StorageClass", "StorageClass of the pvc"),
            text("VolumeAttributesClass", "VolumeAttributesClass of the pvc"),
            AGE,
            wide("VolumeMode", doc(f"{_PVC}Spec", "volumeMode")),
        ),
        _claim,
    ),
}
