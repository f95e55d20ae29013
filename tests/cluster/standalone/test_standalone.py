"""Controllers, scheduler and nodes as processes of their own, against a served API server without any."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.cluster.controllers import ROWS, chosen

DEPLOYMENTS, PODS = resource("deployments", "apps"), resource("pods")


def web(replicas: int) -> Obj:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"}, "spec": spec}


@contextmanager
def alone(cluster: Cluster, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`wherry <words>` until it says that it runs; ended by SIGTERM, and that must be clean."""
    process = subprocess.Popen([sys.executable, "-m", "wherry.cli.main", *words, "--kubeconfig", cluster.kubeconfig],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        assert process.stdout is not None
        assert process.stdout.readline().rstrip().endswith(("runs", "run"))
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_a_rollout_by_three_processes() -> None:
    with (
        Cluster(run_controllers=False, run_nodes=False) as cluster,
        alone(cluster, "controllers"),
        alone(cluster, "scheduler"),
        alone(cluster, "node", "--nodes", "2"),
    ):
        until(lambda: bool(cluster.client.list(resource("serviceaccounts"), "default").items))
        until(lambda: sum(map(is_free, cluster.client.list(resource("nodes")).items)) == 2)
        cluster.client.create(DEPLOYMENTS, "default", web(4))
        until(lambda: available(cluster) == 4)
        nodes = {p["spec"]["nodeName"] for p in cluster.client.list(PODS, "default").items}
        assert nodes == {"sim-0", "sim-1"}


def test_only_the_controllers_named_work() -> None:
    with Cluster(run_controllers=False, nodes=1) as cluster, alone(cluster, "controllers", "--controllers", "deployment"):
        cluster.client.create(DEPLOYMENTS, "default", web(1))
        until(lambda: bool(cluster.client.list(resource("replicasets", "apps"), "default").items))
        assert not cluster.client.list(PODS, "default").items


def test_controllers_are_picked_as_in_the_reference() -> None:
    def names(*words: str) -> list[str]:
        return [row.name for row in chosen(words)]

    assert names("*") == [row.name for row in ROWS]
    assert names("*", "-job") == [row.name for row in ROWS if row.name != "job-controller"]
    assert names("job", "deployment-controller") == ["deployment-controller", "job-controller"]
    with pytest.raises(ValueError, match="no such controller: deploymnet; there are: apiservice-status-remote-available-controller, "):
        chosen(["deploymnet"])


def test_wrong_use_is_one_clear_line() -> None:
    def said(*words: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, "-m", "wherry.cli.main", *words], capture_output=True, text=True, timeout=30)
        return done.returncode, next(line for line in done.stderr.splitlines() if line.startswith("error: "))

    status, text = said("controllers", "--leader-elect-lease-duration", "5s")
    assert (status, text) == (1, "error: the lease duration must be greater than the renew deadline")
    status, text = said("scheduler", "--kubeconfig", "/nowhere/config")
    assert status == 1
    assert "/nowhere/config" in text


def is_free(node: Obj) -> bool:
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", ()))
    return ready and not node["spec"].get("taints")


def available(cluster: Cluster) -> int:
    return int(cluster.client.get(DEPLOYMENTS, "default", "web").get("status", {}).get("availableReplicas", 0))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)
