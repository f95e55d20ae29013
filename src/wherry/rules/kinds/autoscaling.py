"""The strategy of HorizontalPodAutoscalers; it works on the stored form, autoscaling/v2, for requests of v1 too.

Source: pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.objects.strategy import Strategy, keep_status
from wherry.rules.schema.defaults.autoscaling import default_autoscaler
from wherry.rules.schema.validation.workloads.autoscaling import (
    validate_autoscaler,
    validate_autoscaler_status,
    validate_autoscaler_update,
)


def _new(draft: Obj) -> None:
    draft["status"] = {"desiredReplicas": 0, "currentMetrics": None}


STRATEGIES: dict[str, Strategy] = {
    "HorizontalPodAutoscaler.autoscaling": Strategy(
        default=default_autoscaler,
        prepare_create=_new,
        prepare_update=keep_status,
        validate=validate_autoscaler,
        validate_update=validate_autoscaler_update,
        validate_status=validate_autoscaler_status,
    ),
}
