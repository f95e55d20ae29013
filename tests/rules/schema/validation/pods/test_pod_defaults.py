"""Defaults of pods and templates."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from wherry.rules.schema.defaults.pod import default_pod, default_template_spec
from wherry.rules.texts.image_name import tag_of


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.21"}], **spec}}


def defaulted(**spec: Any) -> dict[str, Any]:
    draft = pod(**spec)
    default_pod(draft)
    again = copy.deepcopy(draft)
    default_pod(again)
    assert again == draft
    return draft["spec"]  # type: ignore[no-any-return]


def container(**fields: Any) -> dict[str, Any]:
    return defaulted(containers=[{"name": "c", "image": "nginx:1.21", **fields}])["containers"][0]  # type: ignore[no-any-return]


def test_a_plain_pod_gets_what_the_reference_writes() -> None:
    assert defaulted() == {
        "containers": [{
            "name": "c", "image": "nginx:1.21", "resources": {}, "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }],
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "securityContext": {},
        "schedulerName": "default-scheduler", "enableServiceLinks": True,
    }  # fmt: skip


def test_a_template_gets_neither_service_links_nor_requests_nor_host_ports() -> None:
    template = pod(hostNetwork=True, containers=[
        {"name": "c", "image": "x", "resources": {"limits": {"cpu": "1"}}, "ports": [{"containerPort": 80}]}
    ])
    default_template_spec(template)
    spec = template["spec"]
    assert "enableServiceLinks" not in spec
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert spec["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_limits_become_requests_where_none_are_said() -> None:
    resources = container(resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}})["resources"]
    assert resources["requests"] == {"cpu": "500m", "memory": "1Gi"}


def test_quantities_are_whole_milli_units() -> None:
    assert container(resources={"requests": {"cpu": "100u", "memory": "1Gi"}})["resources"] == {"requests": {"cpu": "1m", "memory": "1Gi"}}


def test_host_ports_are_container_ports_on_the_host_network() -> None:
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 9}]
    spec = defaulted(hostNetwork=True, containers=[{"name": "c", "image": "x", "ports": ports}])
    assert [p["hostPort"] for p in spec["containers"][0]["ports"]] == [80, 9]


def test_a_negative_grace_period_of_a_pod_is_one_second() -> None:
    assert defaulted(terminationGracePeriodSeconds=-5)["terminationGracePeriodSeconds"] == 1


def test_the_old_name_of_the_service_account_is_an_alias() -> None:
    spec = defaulted(serviceAccount="sa")
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("sa", "sa")
    assert defaulted(serviceAccount="old", serviceAccountName="new")["serviceAccount"] == "new"


def test_probes_and_hooks() -> None:
    hooks = {"preStop": {"httpGet": {"port": 1}}}
    found = container(livenessProbe={"httpGet": {"port": 80}}, readinessProbe={"grpc": {"port": 9}}, lifecycle=hooks)
    timings = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert found["livenessProbe"] == {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, **timings}
    assert found["readinessProbe"] == {"grpc": {"port": 9, "service": ""}, **timings}
    assert found["lifecycle"]["preStop"]["httpGet"] == {"port": 1, "path": "/", "scheme": "HTTP"}


def test_references_of_variables() -> None:
    found = container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, {"name": "B", "value": "x"}])
    assert found["env"][0]["valueFrom"]["fieldRef"] == {"apiVersion": "v1", "fieldPath": "metadata.name"}


def test_volumes() -> None:
    volumes = defaulted(volumes=[
        {"name": "a"}, {"name": "b", "secret": {"secretName": "s"}}, {"name": "c", "hostPath": {"path": "/x"}},
        {"name": "d", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}},
                                                {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}},
        {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}},
        {"name": "f", "image": {"reference": "r/x"}},
    ])["volumes"]
    assert volumes[0] == {"name": "a", "emptyDir": {}}
    assert volumes[1]["secret"]["defaultMode"] == 420
    assert volumes[2]["hostPath"] == {"path": "/x", "type": ""}
    assert volumes[3]["projected"]["sources"][0] == {"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}
    assert volumes[3]["projected"]["sources"][1]["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] == "v1"
    assert volumes[4]["ephemeral"]["volumeClaimTemplate"]["spec"]["volumeMode"] == "Filesystem"
    assert volumes[5]["image"]["pullPolicy"] == "Always"


def test_requests_of_the_whole_pod_follow_its_containers_then_its_limits() -> None:
    spec = defaulted(
        resources={"limits": {"cpu": "2", "memory": "2Gi"}},
        containers=[{"name": n, "image": "x", "resources": {"requests": {"cpu": "250m"}}} for n in "ab"],
    )
    assert spec["resources"] == {"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "500m", "memory": "2Gi"}}


def test_huge_pages_of_containers_limit_the_pod() -> None:
    spec = defaulted(
        resources={"requests": {"cpu": "1"}},
        containers=[{"name": n, "image": "x", "resources": {"limits": {"hugepages-2Mi": "4Mi"}}} for n in "ab"],
    )
    assert spec["resources"] == {"limits": {"hugepages-2Mi": "8Mi"}, "requests": {"cpu": "1", "hugepages-2Mi": "8Mi"}}


def test_one_address_and_several_agree() -> None:
    draft = {**pod(), "status": {"podIP": "10.0.0.1"}}
    default_pod(draft)
    assert draft["status"]["podIPs"] == [{"ip": "10.0.0.1"}]
    draft["status"] = {"podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.1"}]}
    default_pod(draft)
    assert draft["status"]["podIPs"] == [{"ip": "10.0.0.2"}]


@pytest.mark.parametrize(("image", "tag"), [
    ("nginx", "latest"), ("nginx:1.2", "1.2"), ("localhost:5000/x", "latest"), ("Foo", ""), ("", ""), ("FOO/x:1", "1"),
    (f"foo.io/a@sha256:{'a' * 64}", ""), (f"foo.io/a:latest@sha256:{'a' * 64}", "latest"), ("a" * 64, ""), ("a:b:c", ""),
])  # fmt: skip
def test_the_tag_of_an_image(image: str, tag: str) -> None:
    assert tag_of(image) == tag
