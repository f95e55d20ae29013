"""Environment, hosts, resolv.conf and downward API: what the recorded pods really had, out of the rules."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from wherry.rules.pods.kubelet import network_files
from wherry.rules.pods.kubelet.environment import ConfigProblem, resolve, sub_path
from wherry.rules.pods.kubelet.expansion import expand
from wherry.rules.pods.kubelet.field_values import Setting
from wherry.rules.pods.kubelet.references import Ref, of_container, of_volumes
from wherry.rules.pods.kubelet.service_variables import service_variables
from wherry.rules.pods.kubelet.volumes import MountProblem, files, problems

_SAID = json.loads((Path(__file__).parents[3] / "golden" / "kubelet" / "g-environment.json").read_text())
_NODE = network_files.parse_resolver("search example.test\nnameserver 192.0.2.53\noptions ndots:1\n")
SETTING = Setting(("<IP>",), ("<NODEIP>",), {"cpu": "2", "memory": "4Gi"})


def recorded(name: str) -> Any:
    pod = next(p for p in yaml.safe_load_all(_SAID["files"]["pods.yaml"]) if p["metadata"]["name"] == name)
    pod["metadata"].update(namespace="<NS>", uid="<UID1>")
    pod["spec"].update(nodeName="<NODE>", serviceAccountName="default")
    return pod


def said(command: str) -> str:
    return str(next(s["stdout"] for s in _SAID["steps"] if s["cmd"] == command))


def service(space: str, name: str, address: str, *ports: dict[str, Any]) -> Any:
    return {"metadata": {"name": name, "namespace": space}, "spec": {"clusterIP": address, "ports": list(ports)}}


SERVICES = [
    service("<NS>", "db", "<CLUSTERIP1>", {"name": "5432", "port": 5432, "protocol": "TCP"}),
    service("default", "kubernetes", "10.96.0.1", {"name": "https", "port": 443, "protocol": "TCP"}),
    service("<NS>", "headless", "None", {"port": 80}), service("other", "far", "10.96.0.9", {"port": 80}),
]  # fmt: skip


def test_a_containers_variables_are_those_that_it_had() -> None:
    pod = recorded("env")
    services = service_variables(SERVICES, "<NS>", links=True)
    found = resolve(pod, pod["spec"]["containers"][0], {}, SETTING, services)
    own = said("kubectl exec env -- env | grep -v '^\\(DB\\|KUBERNETES\\)_' | sort") + said(
        "kubectl exec env -- env | grep '^\\(DB\\|KUBERNETES\\)_' | sort"
    )
    told = dict(line.split("=", 1) for line in own.splitlines())
    for brought_by_the_image in ("HOME", "HOSTNAME", "PATH"):
        told.pop(brought_by_the_image)
    assert found == told


def test_without_service_links_only_the_api_is_named() -> None:
    told = said("kubectl exec nolinks -- env | sort").splitlines()
    assert sorted(service_variables(SERVICES, "<NS>", links=False)) == [
        line.split("=")[0] for line in told if line.startswith("KUBERNETES")
    ]


@pytest.mark.parametrize("name", ["env", "names", "fqdn"])
def test_the_hosts_file_and_the_name(name: str) -> None:
    pod = recorded(name)
    assert network_files.hosts(pod, ["<IP>"]) == said(f"kubectl exec {name} -- cat /etc/hosts")
    assert network_files.kernel_name(pod) + "\n" == said(f"kubectl exec {name} -- hostname")


@pytest.mark.parametrize("name", ["env", "default-dns", "none-dns", "hostnet"])
def test_the_resolver(name: str) -> None:
    found = network_files.resolver(recorded(name), "10.96.0.10", _NODE)
    assert network_files.resolv_conf(found) == said(f"kubectl exec {name} -- cat /etc/resolv.conf")


def test_files_of_the_downward_api() -> None:
    pod = recorded("env")
    found = files(pod, pod["spec"]["volumes"][0], {}, SETTING)
    assert found is not None
    assert {path: file.data for path, file in found.items() if path != "annotations"} == {
        "labels": b'app="env"\ntier="one"',
        "cpu": b"500",
        "mem": b"16777216",
    }
    assert found["annotations"].data == b'note="a note"'
    assert found["cpu"].mode == 0o400


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("$(A)-b", "one-b"),
        ("$$(A)", "$(A)"),
        ("$(NO)", "$(NO)"),
        ("$A", "$A"),
        ("$(A", "$(A"),
        ("$$$(A)", "$one"),
        ("a$", "a$"),
        ("$(A)$(B)", "onetwo"),
    ],
)
def test_references_to_variables(text: str, meant: str) -> None:
    assert expand(text, {"A": "one"}, {"A": "never", "B": "two"}) == meant


def container(**fields: Any) -> Any:
    return {"name": "c", "image": "x", **fields}


POD: Any = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": []}}
CONF, SECRET = Ref("configmaps", "conf"), Ref("secrets", "sec")
FOUND = {CONF: {"data": {"a": "1", "b": "2"}}, SECRET: {"data": {"user": base64.b64encode(b"me").decode()}}, Ref("configmaps", "no"): None}


def test_what_is_taken_from_other_objects() -> None:
    given = container(
        envFrom=[
            {"configMapRef": {"name": "conf"}, "prefix": "C_"},
            {"secretRef": {"name": "sec"}},
            {"configMapRef": {"name": "no", "optional": True}},
        ],
        env=[{"name": "user", "value": "other"}, {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "a"}}},
             {"name": "N", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k", "optional": True}}}])  # fmt: skip
    assert of_container(given) == (CONF, SECRET, Ref("configmaps", "no"))
    assert resolve(POD, given, FOUND, SETTING) == {"C_a": "1", "C_b": "2", "user": "other", "A": "1"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"envFrom": [{"configMapRef": {"name": "no"}}]}, 'configmap "no" not found'),
        ({"envFrom": [{"secretRef": {"name": "none"}}]}, 'secret "none" not found'),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "z"}}}]},
            "couldn't find key z in ConfigMap n/conf",
        ),
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "sec", "key": "z"}}}]}, "couldn't find key z in Secret n/sec"),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nonsense"}}}]}, "unsupported fieldPath: spec.nonsense"),
    ],
)
def test_why_a_container_cannot_be_created(given: Any, why: str) -> None:
    with pytest.raises(ConfigProblem) as problem:
        resolve(POD, container(**given), FOUND, SETTING)
    assert str(problem.value) == why


def test_paths_below_a_volume() -> None:
    assert sub_path({"subPathExpr": "$(A)/x"}, {"A": "one"}) == "one/x"
    assert sub_path({"subPath": "$(A)"}, {}) == "$(A)"
    with pytest.raises(ConfigProblem, match="missing value for B, C"):
        sub_path({"subPathExpr": "$(B)$(C)"}, {"A": "one"})


def volume(name: str, **source: Any) -> Any:
    return {"name": name, **source}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (volume("v", configMap={"name": "no"}), 'configmap "no" not found'),
        (volume("v", secret={"secretName": "sec", "items": [{"key": "z", "path": "p"}]}), "references non-existent secret key: z"),
        (volume("v", configMap={"name": "conf", "items": [{"key": "z", "path": "p"}]}), "configmap references non-existent config key: z"),
        (
            volume(
                "v",
                projected={"sources": [{"configMap": {"name": "no"}}, {"secret": {"name": "sec", "items": [{"key": "z", "path": "p"}]}}]},
            ),
            '[configmap "no" not found, references non-existent secret key: z]',
        ),
    ],
)
def test_why_a_volume_cannot_be_set_up(given: Any, why: str) -> None:
    pod = {**POD, "spec": {"containers": [], "volumes": [given]}}
    assert problems(pod, FOUND) == [("v", why)]
    with pytest.raises(MountProblem):
        files(pod, given, FOUND, SETTING)


def test_what_is_optional_may_be_missing() -> None:
    given = [volume("a", configMap={"name": "no", "optional": True}), volume("b", secret={"secretName": "sec", "optional": True, "items": [
        {"key": "z", "path": "p"}, {"key": "user", "path": "dir/u", "mode": 0o600}]})]  # fmt: skip
    pod = {**POD, "spec": {"containers": [], "volumes": given}}
    assert problems(pod, FOUND) == []
    found = files(pod, given[1], FOUND, SETTING)
    assert found is not None
    assert {path: (file.mode, file.data) for path, file in found.items()} == {"dir/u": (0o600, b"me")}


def test_the_apis_credentials_cost_nothing_unless_asked_for() -> None:
    sources = [{"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "kube-root-ca.crt"}}]
    spec = {"volumes": [volume("kube-api-access-x1y2z", projected={"sources": sources})]}
    assert of_volumes(spec) == ()
    assert of_volumes(spec, credentials=True) == (Ref("configmaps", "kube-root-ca.crt"),)
