"""The Scale of the old versions: the selector as a map where it is one, and as text.

Called by the scale subresource. Source: pkg/apis/apps/v1beta1/conversion.go ScaleStatus.
"""

from __future__ import annotations

from wherry.api.objects import Obj


def from_scale(scale: Obj, api_version: str, selector: Obj | None) -> Obj:
    """An autoscaling/v1 Scale in an old form. `selector`: the workload's."""
    status: Obj = {"replicas": scale["status"]["replicas"]}
    chosen = selector or {}
    if chosen.get("matchLabels") and not chosen.get("matchExpressions"):
        status["selector"] = dict(chosen["matchLabels"])
    if text := scale["status"].get("selector"):
        status["targetSelector"] = text
    return {**scale, "apiVersion": api_version, "status": status}
