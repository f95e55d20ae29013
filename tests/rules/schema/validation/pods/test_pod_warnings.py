"""Warnings about pods and templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wherry.rules.pods.warnings import pod_warnings, template_warnings

GOLDEN = Path(__file__).parents[4] / "golden" / "api" / "validation.jsonl"


def warnings(**spec: Any) -> list[str]:
    spec.setdefault("containers", [{"name": "c", "image": "a"}])
    return pod_warnings({"metadata": {"name": "p"}, "spec": spec}, None)


def of_container(**fields: Any) -> list[str]:
    return warnings(containers=[{"name": "c", "image": "a", **fields}])


@pytest.mark.parametrize("call", ["validation/duplicate-env", "validation/duplicate-port"])
def test_the_recorded_warning(call: str) -> None:
    recorded = next(found for found in map(json.loads, GOLDEN.read_text().splitlines()) if found["id"] == call)
    body = recorded["request"]["body"]
    template = (json.loads(body) if isinstance(body, str) else body)["spec"]["template"]
    assert [f"299 - {json.dumps(w)}" for w in template_warnings(template, "spec.template")] == [recorded["response"]["headers"]["Warning"]]


def test_a_plain_pod_gives_none() -> None:
    assert warnings() == []


def test_an_update_gives_none() -> None:
    pod = {"metadata": {"name": "a.b"}, "spec": {"containers": []}}
    assert pod_warnings(pod, pod) == []


def test_the_name_should_be_a_host_name() -> None:
    [warning] = pod_warnings({"metadata": {"name": "a.b"}, "spec": {"containers": []}}, None)
    assert warning == ("metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
                       "a DNS label is recommended: [must not contain dots]")


def test_a_variable_that_builds_on_the_earlier_one_hides_nothing() -> None:
    assert of_container(env=[{"name": "A", "value": "x"}, {"name": "A", "value": "$(A)y"}]) == []
    assert len(of_container(env=[{"name": "A", "value": "x"}, {"name": "A", "value": "$(A)"}])) == 1


def test_colliding_ports() -> None:
    at = "spec.containers[0].ports"
    assert of_container(ports=[{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "TCP", "hostPort": 8}]) == [
        f"{at}[1]: overlapping port definition with {at}[0]"
    ]
    assert of_container(ports=[{"containerPort": 80, "hostPort": 8}, {"containerPort": 80, "hostPort": 8, "hostIP": "1.1.1.1"}]) == [
        f"{at}[1]: dangerously ambiguous port definition with {at}[0]"
    ]
    assert of_container(ports=[{"containerPort": 80, "protocol": "TCP", "hostIP": "1.1.1.1"}]) == [
        f"{at}[0]: hostIP set without hostPort: {{Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.1.1.1}}"
    ]


def test_names_of_ports_are_the_pods() -> None:
    containers = [{"name": n, "image": "a", "ports": [{"name": "web", "containerPort": p}]} for n, p in (("a", 1), ("b", 2))]
    at = "spec.containers[0].ports[0]"
    assert warnings(containers=containers) == [
        f'spec.containers[1].ports[0]: duplicate port name "web" with {at}, services and probes that select ports by name will use {at}'
    ]


def test_fractions_of_bytes() -> None:
    assert of_container(resources={"limits": {"memory": "1500m"}}) == [
        'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer'
    ]


def test_old_labels_and_missing_selectors() -> None:
    assert warnings(nodeSelector={"beta.kubernetes.io/os": "linux"}) == [
        'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'
    ]
    assert warnings(topologySpreadConstraints=[{"topologyKey": "zone"}]) == [
        "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod"
    ]


def test_lists_with_equal_entries() -> None:
    assert warnings(imagePullSecrets=[{"name": "s"}, {"name": "s"}, {}]) == [
        'spec.imagePullSecrets[1].name: duplicate name "s"', 'spec.imagePullSecrets[2].name: invalid empty name ""'
    ]  # fmt: skip


def test_volumes_that_are_gone_and_files_that_overlap() -> None:
    assert warnings(volumes=[{"name": "g", "gitRepo": {"repository": "r"}}]) == [
        "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"
    ]
    items = [{"key": "a", "path": "p"}, {"key": "b", "path": "p/q"}]
    assert warnings(volumes=[{"name": "v", "configMap": {"name": "c", "items": items}}]) == [
        'volume "v" (ConfigMap "c"): overlapping paths: "p/q" with "p"'
    ]
    projected = [{"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}}, {"serviceAccountToken": {"path": "p"}}]
    assert warnings(volumes=[{"name": "v", "projected": {"sources": projected}}]) == [
        'volume "v" (Projected): overlapping paths: "p" (ServiceAccountToken) with "p" (Secret "s")'
    ]
