"""The bridge from kubectl's client-side apply: its annotation says which conflicts its server-side apply may override.

Called by `apply` for the manager `kubectl` alone. The annotation is kept in step as long as an object carries it.
Source: lastappliedmanager.go, lastappliedupdater.go in k8s.io/apimachinery/pkg/util/managedfields/internal.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.api.objects import Obj
from wherry.rules.writing.managed_fields.compare import compare_maps
from wherry.rules.writing.managed_fields.field_set import of_object
from wherry.rules.writing.managed_fields.sets import EMPTY, Set, difference, union
from wherry.rules.writing.managed_fields.types import Type

MANAGER = "kubectl"
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MAX_ANNOTATIONS = 256 * 1024


def _annotation(obj: Obj) -> str:
    text: str = (obj["metadata"].get("annotations") or {}).get(ANNOTATION) or ""
    return text


def allowed(live: Obj, api_version: str, type_: Type) -> Set:
    """Fields that client-side apply set and that still have its values."""
    try:
        last: Any = msgspec.json.decode(_annotation(live) or "null")
    except msgspec.DecodeError:
        return EMPTY
    if not isinstance(last, dict) or last.get("apiVersion") != api_version:
        return EMPTY
    changed, removed = compare_maps(last, live, type_)
    return difference(of_object(last, type_), union(changed, removed))


def updated(obj: Obj, applied: Obj) -> Obj:
    """`obj` with the annotation of what was applied now, if it has one; too large annotations lose it."""
    if not _annotation(obj):
        return obj
    meta = applied.get("metadata") or {}
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != ANNOTATION}
    plain = {**applied, "metadata": {**{k: v for k, v in meta.items() if k != "annotations"}, **_given(annotations)}}
    text = msgspec.json.encode(plain, order="sorted").decode() + "\n"
    kept = {**obj["metadata"]["annotations"], ANNOTATION: text}
    if sum(len(k.encode()) + len(v.encode()) for k, v in kept.items()) > MAX_ANNOTATIONS:
        del kept[ANNOTATION]
    return {**obj, "metadata": {**obj["metadata"], "annotations": kept}}


def _given(annotations: dict[str, str]) -> dict[str, dict[str, str]]:
    return {"annotations": annotations} if annotations else {}
