"""`wherry node --runtime process` joins a cluster of another process, runs its pods, and is reached by its API server with kubectl."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.test_joining import TOKEN, binding
from tests.streams.conftest import World
from tests.streams.host_sessions import HostSessions
from tests.streams.test_kubectl_sessions import by_both_ways, echoed, forwarded, sh
from wherry import Cluster
from wherry.cluster import kubeconfig

pytestmark = pytest.mark.kubectl
POD = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "host", "command": ["python3", "-m", "http.server", "8000"]}]},
}  # fmt: skip


def _bootstrapping(cluster: Cluster, path: Path) -> Path:
    """A kubeconfig with a bootstrap token, whose bearers may become nodes."""
    group = "system:bootstrappers"
    cluster.apply(TOKEN, binding("join", "system:node-bootstrapper", group),
                  binding("approve", "system:certificates.k8s.io:certificatesigningrequests:nodeclient", group))
    assert cluster.pki is not None
    kubeconfig.write(path, kubeconfig.build(cluster.url, cluster.pki.ca_pem, token="abcdef.0123456789abcdef"))
    return path


def _command(cluster: Cluster, folder: Path, name: str, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "wherry", "node", "--runtime", "process", "--kubeconfig", str(folder / "own"), "--port", "0",
        "--bootstrap-kubeconfig", str(_bootstrapping(cluster, folder / "bootstrap")), "--hostname-override", name,
        "--node-ip", "127.0.0.1", "--root-dir", str(folder / name), "--image-table", "*=host", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("joining")
    with Cluster(nodes=0) as cluster:
        command = _command(cluster, folder, "far")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                assert process.stdout is not None
                asked, told, line = (process.stdout.readline() for _ in range(3))
                assert "the certificate of node far is asked for" in asked, asked
                assert "pods of this node have neither Services nor names nor network policies: " in told, told
                assert "the node far runs, its API at 127.0.0.1:" in line, line + process.stdout.read()
                cluster.apply(POD)
                cluster.wait_for("pod/web", "ready")
                yield World(cluster, HostSessions(), Path(cluster.kubeconfig))
            finally:
                process.terminate()
                process.wait(20)


@by_both_ways
def test_commands_run_there(world: World, way: str) -> None:
    done = sh(world, way, "hostname; wc -c; exit 4", "-i", stdin=b"x" * 500_000)
    assert (done.stdout.split(), done.returncode) == ([b"web", b"500000"], 4)


@by_both_ways
def test_ports_are_forwarded_there(world: World, way: str) -> None:
    with forwarded(world, way, 8000) as (local, _):
        assert b"web" in echoed(local, b"GET /etc/hostname HTTP/1.0\r\n\r\n")
    assert b"GET /etc/hostname" in world.kubectl("logs", "web").stdout


def test_its_pods_are_proxied_to(world: World) -> None:
    """By its kubelet's API, as nobody else reaches their addresses."""
    path = "/api/v1/namespaces/default/pods/web:{}/proxy/etc/hostname"
    for _ in range(3):
        assert world.kubectl("get", "--raw", path.format(8000)).stdout == b"web\n"
    refused = world.kubectl("get", "--raw", path.format(8001))
    assert refused.returncode == 1
    assert b"error trying to reach service" in refused.stderr


def test_its_api_names_its_pods_and_its_configuration(world: World) -> None:
    pods = json.loads(world.kubectl("get", "--raw", "/api/v1/nodes/far/proxy/pods").stdout)
    assert [pod["metadata"]["name"] for pod in pods["items"]] == ["web"]
    config = json.loads(world.kubectl("get", "--raw", "/api/v1/nodes/far/proxy/configz").stdout)["kubeletconfig"]
    assert (config["kind"], config["authorization"]) == ("KubeletConfiguration", {"mode": "Webhook"})


def test_it_reports_what_its_pods_use(world: World) -> None:
    summary = json.loads(world.kubectl("get", "--raw", "/api/v1/nodes/far/proxy/stats/summary").stdout)
    (pod,) = summary["pods"]
    assert (pod["podRef"]["name"], pod["containers"][0]["name"]) == ("web", "c")
    assert pod["containers"][0]["memory"]["workingSetBytes"] > 100_000
    assert summary["node"]["memory"]["workingSetBytes"] > 1_000_000
    text = world.kubectl("get", "--raw", "/api/v1/nodes/far/proxy/metrics/resource").stdout.decode()
    assert 'container_memory_working_set_bytes{container="c",namespace="default",pod="web"} ' in text


def test_a_claim_and_what_config_maps_and_secrets_give_are_read_by_name(world: World) -> None:
    """As the node itself, which may list none of them."""
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "cm", "configMap": {"name": "cm"}}]
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "cm", "mountPath": "/cm"}]
    env = [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "word"}}}]
    command = ["sh", "-c", "echo $WORD > /data/word; cat /data/word /cm/key; sleep 1000"]
    container = {"name": "c", "image": "host", "command": command, "volumeMounts": mounts, "env": env}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    world.cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"key": "from the map\n"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret"}, "stringData": {"word": "from the secret"}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reader"}, "spec": {"containers": [container], "volumes": volumes}},
    )
    world.cluster.wait_for("pod/reader", "ready")
    assert world.kubectl("logs", "reader").stdout == b"from the secret\nfrom the map\n"


def test_the_node_speaks_as_itself(world: World) -> None:
    node = json.loads(world.kubectl("get", "node", "far", "-o", "json", "--show-managed-fields").stdout)
    assert node["spec"]["podCIDR"]
    found = world.kubectl("get", "csr", "-o", "jsonpath={.items[0].spec.username} {.items[0].status.conditions[0].type}").stdout
    assert found == b"system:bootstrap:abcdef Approved"


def test_services_and_names_are_served_to_its_pods_as_whom_it_is_told_to_read(world: World, tmp_path: Path) -> None:
    """Another node, whose own rights do not do."""
    command = _command(world.cluster, tmp_path, "farther", "--network-kubeconfig", world.cluster.kubeconfig)
    here = {"nodeName": "farther"}
    server = {"name": "c", "image": "host", "command": ["python3", "-m", "http.server", "8000", "-d", "/etc"]}
    client = {"name": "c", "image": "host", "command": ["sleep", "1000"]}
    pods = (("server", server), ("client", client))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            asked, line = process.stdout.readline(), process.stdout.readline()
            assert "the node farther runs" in line, asked + line
            world.cluster.apply(
                {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "named"},
                 "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8000}]}},
                *({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
                   "spec": {**here, "containers": [container]}} for name, container in pods),
            )  # fmt: skip
            for name, _ in pods:
                world.cluster.wait_for(f"pod/{name}", "ready")
            program = """
import time, urllib.request
while True:
    try:
        print(urllib.request.urlopen("http://named/hostname", timeout=3).read().decode())
        break
    except OSError:
        time.sleep(0.05)
"""
            assert world.kubectl("exec", "client", "--", "python3", "-c", program).stdout.split() == [b"server"]
        finally:
            process.kill()  # its pods go with it
            process.wait(20)
