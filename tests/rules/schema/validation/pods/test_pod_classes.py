"""Classes of service, readiness and requests."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.pods import states as pods


def resources(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    return {"name": "c", "resources": {k: v for k, v in (("requests", requests), ("limits", limits)) if v is not None}}


FULL = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(("spec", "expected"), [
    ({"containers": [resources()]}, "BestEffort"),
    ({"containers": [resources({"cpu": "0"})]}, "BestEffort"),
    ({"containers": [resources({"example.com/gpu": "1"})]}, "BestEffort"),
    ({"containers": [resources({"cpu": "1"})]}, "Burstable"),
    ({"containers": [resources(FULL, FULL)]}, "Guaranteed"),
    ({"containers": [resources(FULL, {"cpu": "1000m", "memory": "1024Mi"})]}, "Guaranteed"),
    ({"containers": [resources(FULL, FULL), resources()]}, "Burstable"),
    ({"containers": [resources(FULL, FULL)], "initContainers": [resources()]}, "Burstable"),
    ({"containers": [resources({"cpu": "500m", "memory": "1Gi"}, FULL)]}, "Burstable"),
    ({"containers": [resources()], "resources": {"requests": FULL, "limits": FULL}}, "Guaranteed"),
    ({"containers": [resources(FULL, FULL)], "resources": {"requests": {"cpu": "1"}}}, "Burstable"),
])  # fmt: skip
def test_the_class_follows_from_the_resources(spec: dict[str, Any], expected: str) -> None:
    assert pods.qos_class({"spec": spec}) == expected


def test_a_class_that_is_said_stays() -> None:
    assert pods.qos_class({"spec": {"containers": []}, "status": {"qosClass": "Guaranteed"}}) == "Guaranteed"


def test_since_when_a_pod_is_ready() -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-01T00:01:00Z"}
    assert pods.ready_since({"status": {"conditions": [ready]}}) == 60
    assert pods.ready_since({"status": {"conditions": [{**ready, "status": "False"}]}}) is None
    assert pods.ready_since({}) is None


def test_requests_are_numbers() -> None:
    assert pods.requests_of({"spec": {"containers": [resources(FULL)]}}) == {"cpu": 1000, "memory": 2**30}
