"""`kubectl drain` during a rollout, on a whole cluster: the pods move, and the budget is kept at every moment."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

import pytest

from tests.replay.kubectl_versions import kubectl
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.cluster.cluster import Cluster

DEPLOYMENTS, PODS, NODES = resource("deployments", "apps"), resource("pods"), resource("nodes")
BUDGETS = resource("poddisruptionbudgets", "policy")
LABELS = {"app": "web"}


def deployment(image: str, replicas: int = 6) -> Obj:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "main", "image": image}]}}
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template, "strategy": rolling}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"}, "spec": spec}


def budget(**spec: Any) -> Obj:
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"selector": {"matchLabels": LABELS}, **spec}}


def is_healthy(pod: Obj) -> bool:
    return not objects.is_deleting(pod) and (objects.condition(pod, "Ready") or {}).get("status") == "True"


class Watcher:
    """The least number of healthy pods ever seen, after there were `wanted`."""

    def __init__(self, cluster: Cluster, wanted: int) -> None:
        self.pods, self.least, self.full, self.wanted = cluster.informers.of(PODS), wanted, asyncio.Event(), wanted
        self.pods.add_handler(self._look)

    def _look(self, old: Obj | None, new: Obj | None) -> None:
        healthy = sum(is_healthy(p) for p in self.pods.items())
        if healthy >= self.wanted:
            self.full.set()
        if self.full.is_set():
            self.least = min(self.least, healthy)


@pytest.mark.kubectl
@pytest.mark.timeout(60)
def test_drain_during_a_rollout_keeps_the_budget() -> None:
    with Cluster(nodes=3, ready_seconds=0.3, test_mode=True) as cluster:
        cluster.client.create(BUDGETS, "default", budget(minAvailable=5))
        cluster.client.create(DEPLOYMENTS, "default", deployment("nginx:1"))

        async def watch() -> Watcher:
            watcher = Watcher(cluster, 6)
            await asyncio.wait_for(watcher.full.wait(), 20)
            return watcher

        watcher = cluster.call(watch())
        old = cluster.client.get(DEPLOYMENTS, "default", "web")
        cluster.client.update(DEPLOYMENTS, {**old, "spec": deployment("nginx:2")["spec"]})
        command = [kubectl(), "--kubeconfig", cluster.kubeconfig, "drain", "sim-1", "--ignore-daemonsets", "--timeout=40s"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "node/sim-1 drained"
        here = [p for p in cluster.client.list(PODS, "default").items if p["spec"].get("nodeName") == "sim-1"]
        assert [p for p in here if not objects.is_deleting(p)] == []
        assert cluster.client.get(NODES, "", "sim-1")["spec"]["unschedulable"] is True
        assert watcher.least >= 5
