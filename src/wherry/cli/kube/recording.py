"""The change-cause of a command on the object it changes. Pure.

Source: cli-runtime pkg/genericclioptions/record_flags.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj

CHANGE_CAUSE = "kubernetes.io/change-cause"


def recorded(obj: Obj, cause: str) -> Obj:
    """The object with the change-cause; as it is without one."""
    if not cause:
        return obj
    meta = obj.get("metadata") or {}
    return {**obj, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), CHANGE_CAUSE: cause}}}


def merge_patch(obj: Obj, cause: str) -> Obj:
    """What a second request has to write; empty when nothing."""
    current = ((obj.get("metadata") or {}).get("annotations") or {}).get(CHANGE_CAUSE)
    return {"metadata": {"annotations": {CHANGE_CAUSE: cause}}} if cause and current != cause else {}
