"""`wherry scheduler --config`: profiles, connection and election from the file, against a served API server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.standalone.test_standalone import until
from tests.rules.placing.scheduling.test_configuration import text
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.resources import resource

PODS, LEASES = resource("pods"), resource("leases", "coordination.k8s.io")


def pod(name: str, scheduler: str) -> Obj:
    spec = {"schedulerName": scheduler, "containers": [{"name": "main", "image": "nginx:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def test_the_file_says_whom_it_serves_where_and_as_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with Cluster(nodes=1) as cluster:
        path = tmp_path / "scheduler.yaml"
        path.write_text(text(
            profiles=[{"schedulerName": "first"}, {"schedulerName": "second"}],
            clientConnection={"kubeconfig": cluster.kubeconfig}, leaderElection={"resourceName": "mine", "leaseDuration": "20s"},
        ))  # fmt: skip
        process = subprocess.Popen([sys.executable, "-m", "wherry.cli.main", "scheduler", "--config", path],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "wherry: the scheduler first, second runs"
            for name in ("first", "second"):
                cluster.client.create(PODS, "default", pod(name, name))
                until(lambda name=name: bool(cluster.client.get(PODS, "default", name)["spec"].get("nodeName")))
            lease = cluster.client.get(LEASES, "kube-system", "mine")
            assert lease["spec"]["leaseDurationSeconds"] == 20
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()
