"""Whether a change of a pod is one for the controller that owns it.

Called by controllers whose every look costs as much as they have pods: a kubelet's many small reports are no reason for one.
What counts: labels, owner, deletion, node, phase, and when it became ready. Source of the idea: our own.
"""

from __future__ import annotations

from typing import Any

from wherry.api import objects
from wherry.api.objects import Obj


def _said(pod: Obj) -> tuple[Any, ...]:
    metadata, ready = pod["metadata"], objects.condition(pod, "Ready") or {}
    return (
        metadata.get("deletionTimestamp"), pod["spec"].get("nodeName"), (pod.get("status") or {}).get("phase"), ready.get("status"),
        ready.get("lastTransitionTime"), metadata.get("labels"), metadata.get("ownerReferences"), metadata.get("uid"),
    )


def matters(old: Obj | None, new: Obj | None) -> bool:
    """False when pod `new` is to its controller what `old` was."""
    return old is None or new is None or _said(old) != _said(new)
