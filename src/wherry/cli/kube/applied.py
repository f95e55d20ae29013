"""The annotation that remembers what was applied last. Pure.

Source: kubectl pkg/util/apply.go (GetModifiedConfiguration, CreateApplyAnnotation, GetOriginalConfiguration).
"""

from __future__ import annotations

import json
from typing import Any

from wherry.api.objects import Obj
from wherry.cli.kube.text.values import compact

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def annotated(obj: Obj) -> Obj:
    """The object with its own text (without that annotation) in the annotation."""
    meta = obj.get("metadata") or {}
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k != LAST_APPLIED}
    bare = {**obj, "metadata": {**meta, "annotations": notes}}
    return {**obj, "metadata": {**meta, "annotations": {**notes, LAST_APPLIED: compact(bare) + "\n"}}}


def original(live: Obj) -> Obj:
    """What was applied last; empty when nothing was."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED, "")
    if not text:
        return {}
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def pruned(value: Any) -> Any:
    """Without nulls, however deep: what a creation by apply sends."""
    if isinstance(value, dict):
        return {k: pruned(v) for k, v in value.items() if v is not None}
    return [pruned(v) for v in value] if isinstance(value, list) else value


def owners(obj: Obj, operation: str) -> list[str]:
    """Managers that own the annotation by that operation (Apply, Update)."""
    found = []
    for entry in (obj.get("metadata") or {}).get("managedFields") or ():
        fields = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
        if entry.get("operation") == operation and f"f:{LAST_APPLIED}" in fields:
            found.append(entry.get("manager", ""))
    return found
