"""`wherry node --runtime process` joins a cluster of another process, runs its pods, and is reached by its API server with kubectl."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.streams.conftest import World
from tests.streams.host_sessions import HostSessions
from tests.streams.test_kubectl_sessions import by_both_ways, echoed, forwarded, sh
from wherry import Cluster

pytestmark = pytest.mark.kubectl
POD = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "host", "command": ["python3", "-m", "http.server", "8000"]}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Cluster(nodes=0) as cluster:
        command = [
            sys.executable, "-m", "wherry", "node", "--runtime", "process", "--kubeconfig", str(cluster.kubeconfig), "--port", "0",
            "--hostname-override", "far", "--node-ip", "127.0.0.1", "--root-dir", str(tmp_path_factory.mktemp("far")),
            "--image-table", "*=host",
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
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
