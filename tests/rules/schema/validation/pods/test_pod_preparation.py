"""What the API server writes into a pod before it is stored."""

from __future__ import annotations

from typing import Any

from wherry.rules.pods.preparation import prepare_pod


def prepared(labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    meta = {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels or {}, "annotations": annotations or {}}
    draft = {"metadata": meta, "spec": {"containers": [{"name": "c"}], **spec}, "status": {"phase": "Running", "podIP": "1.1.1.1"}}
    prepare_pod(draft)
    return draft


def test_the_status_is_the_systems() -> None:
    assert prepared()["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_a_gated_pod_says_so() -> None:
    assert prepared(schedulingGates=[{"name": "g"}])["status"]["conditions"] == [{
        "type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": "2026-01-01T00:00:00Z",
        "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates",
    }]  # fmt: skip


def test_label_keys_become_requirements_with_the_pods_own_values() -> None:
    keys = {"matchLabelKeys": ["v", "missing"], "mismatchLabelKeys": ["t"]}
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "a"}}, **keys}
    constraint = {"topologyKey": "zone", "labelSelector": {}, "matchLabelKeys": ["v"]}
    spec = prepared(
        labels={"v": "1", "t": "x"},
        affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
        topologySpreadConstraints=[constraint, {"topologyKey": "zone", "matchLabelKeys": ["v"]}],
    )["spec"]
    own = {"key": "v", "operator": "In", "values": ["1"]}
    found = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"]
    assert found == {"matchLabels": {"app": "a"}, "matchExpressions": [own, {"key": "t", "operator": "NotIn", "values": ["x"]}]}
    assert spec["topologySpreadConstraints"][0]["labelSelector"] == {"matchExpressions": [own]}
    assert "labelSelector" not in spec["topologySpreadConstraints"][1]


def test_fields_behind_closed_gates_are_dropped() -> None:
    spec = prepared(containers=[{"name": "c", "lifecycle": {"stopSignal": "SIGUSR1"}}], schedulingGroup={"podGroupName": "g"})["spec"]
    assert spec == {"containers": [{"name": "c"}]}


def test_the_annotation_of_an_app_armor_profile_becomes_a_field() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/c"
    profile = prepared(annotations={key: "localhost/mine"})["spec"]["containers"][0]["securityContext"]["appArmorProfile"]
    assert profile == {"type": "Localhost", "localhostProfile": "mine"}
    assert "securityContext" not in prepared(annotations={key: "nonsense"})["spec"]["containers"][0]
