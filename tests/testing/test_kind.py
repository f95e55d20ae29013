"""Suites written for kind: pytest-kind's fixture, and the `kind` command on PATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kubernetes import client, config

from tests.testing.inner import run
from wherry.testing.kind_cluster import KindCluster

README = """
    def test_kubernetes_version(kind_cluster):
        assert kind_cluster.name == "mine"
        assert kind_cluster.api.version == ("1", "36")
        assert kind_cluster.kubeconfig_path.exists()

    def test_pods(kind_cluster):
        from pykube import Pod
        kind_cluster.load_docker_image("myapp")
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "myapp"}]}}
        Pod(kind_cluster.api, made).create()
        kind_cluster.cluster.wait_for("pod/p", "ready")
        assert [pod.name for pod in Pod.objects(kind_cluster.api)] == ["p"]

    def test_kubectl(kind_cluster):
        assert "sim-0" in kind_cluster.kubectl("get", "nodes")
"""


@pytest.mark.kubectl
def test_a_suite_for_pytest_kind_runs_unchanged(tmp_path: Path) -> None:
    ini = "[pytest]\naddopts = --cluster-name=mine -p wherry.testing.kind_options\n"
    done = run(tmp_path, {"test_it.py": README, "pytest.ini": ini}, "-W", "ignore")
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_object_without_pytest(tmp_path: Path) -> None:
    nodes = tmp_path / "kind.yaml"
    nodes.write_text("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]\n")
    kind = KindCluster("mine")
    with pytest.raises(RuntimeError, match="create"):
        _ = kind.cluster
    kind.create(nodes)
    kind.create(nodes)
    folder = kind.path
    assert len(kind.cluster.nodes.node_names) == 2 if kind.cluster.nodes else False
    kind.ensure_kind()
    assert os.access(kind.kind_path, os.X_OK)
    kind.delete()
    kind.delete()
    assert not folder.exists()


def test_suites_find_what_a_new_kind_cluster_has() -> None:
    kind = KindCluster("mine")
    kind.create()
    try:
        with config.new_client_from_config(str(kind.kubeconfig_path), context="kind-mine") as connection:
            me = client.AuthenticationV1Api(connection).create_self_subject_review(client.V1SelfSubjectReview()).status.user_info
            assert (me.username, me.groups) == ("kubernetes-admin", ["kubeadm:cluster-admins", "system:authenticated"])
            kind.cluster.wait_for("deployment/coredns", "condition=Available", namespace="kube-system")
            core = client.CoreV1Api(connection)
            dns = core.list_namespaced_pod("kube-system", label_selector="k8s-app=kube-dns").items
            assert len(dns) == 2
            assert core.read_namespaced_service("kube-dns", "kube-system").spec.cluster_ip == "10.96.0.10"
    finally:
        kind.delete()


def test_a_loaded_image_is_there_even_if_no_registry_has_it() -> None:
    kind = KindCluster()
    kind.create()
    try:
        kind.load_docker_image("app:999.1")
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "app:999.1"}]}}
        kind.cluster.apply(pod)
        kind.cluster.wait_for("pod/p", "ready")
    finally:
        kind.delete()


@pytest.mark.timeout(90)
def test_the_command_on_path(tmp_path: Path) -> None:
    environment = {**os.environ, "WHERRY_KIND_HOME": str(tmp_path / "home"), "KUBECONFIG": str(tmp_path / "config")}
    program = tmp_path / "bin" / "kind"
    program.parent.mkdir()

    def call(*command: str, program: str = str(program)) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *command], capture_output=True, text=True, timeout=60, env=environment, check=False)

    shim = call("-m", "wherry.cli.main", "kind", "shim", str(program.parent), program=sys.executable)
    assert shim.returncode == 0, shim.stderr
    assert call("-m", "wherry.cli.main", "kind", "shim", str(program.parent), program=sys.executable).returncode == 1
    none = call("get", "clusters")
    assert (none.stdout, none.stderr) == ("", "No kind clusters found.\n")
    made = call("create", "cluster", "--name", "one", "--wait", "5m")
    try:
        assert made.returncode == 0, made.stderr
        assert 'Set kubectl context to "kind-one"' in made.stderr
        assert call("get", "clusters").stdout == "one\n"
        assert call("get", "nodes", "--name", "one").stdout == "sim-0\n"
        again = call("create", "cluster", "--name", "one")
        assert 'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "one"' in again.stderr
        written = yaml.safe_load((tmp_path / "config").read_text())
        assert written["current-context"] == "kind-one"
        assert written["users"][0]["user"].keys() == {"client-certificate-data", "client-key-data"}
        assert yaml.safe_load(call("get", "kubeconfig", "--name", "one").stdout)["clusters"][0]["name"] == "kind-one"
        assert call("load", "docker-image", "my:1", "my:2", "--name", "one").returncode == 0
        assert call("version").stdout.startswith("kind v0.")
    finally:
        gone = call("delete", "cluster", "--name", "one")
    assert gone.returncode == 0, gone.stderr
    assert yaml.safe_load((tmp_path / "config").read_text())["clusters"] == []
    assert call("get", "kubeconfig", "--name", "one").returncode == 1
    assert not (tmp_path / "home" / "one").exists()
