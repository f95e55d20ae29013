"""Defaults of a HorizontalPodAutoscaler (autoscaling/v2).

Source: pkg/apis/autoscaling/v2/defaults.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.schema.hpa_conversion import cpu_utilization


def default_autoscaler(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    spec.setdefault("maxReplicas", 0)
    if not spec.get("metrics"):
        spec["metrics"] = [cpu_utilization(80)]
    if (behavior := spec.get("behavior")) is not None:
        spec["behavior"] = {**behavior, "scaleUp": _up(behavior.get("scaleUp")), "scaleDown": _down(behavior.get("scaleDown"))}
    status = draft.get("status") or {}
    draft["status"] = {"desiredReplicas": 0, "currentMetrics": None, **status}


def _up(rules: Obj | None) -> Obj:
    policies = [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]
    return {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": policies, **_given(rules)}


def _down(rules: Obj | None) -> Obj:
    return {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}], **_given(rules)}


def _given(rules: Obj | None) -> Obj:
    return {k: v for k, v in (rules or {}).items() if v is not None}
