from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wherry import SyncCluster, resource

SCRIPT = Path(__file__).with_name("deploy.sh")
DEPLOYMENTS = resource("deployments", "apps")


def deploy(image: str, timeout: str = "60s") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DEPLOY_TIMEOUT": timeout}
    return subprocess.run([str(SCRIPT), image], env=environment, capture_output=True, text=True, timeout=50)


def image(cluster: SyncCluster) -> str:
    found: str = cluster.client.get(DEPLOYMENTS, "default", "web")["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


@pytest.mark.usefixtures("kubeconfig")
def test_a_good_version_is_rolled_out(cluster: SyncCluster) -> None:
    done = deploy("web:v1")
    assert done.returncode == 0, done.stderr
    assert 'deployment "web" successfully rolled out' in done.stdout
    assert cluster.rollout("deployment/web").progress().available == 3


@pytest.mark.usefixtures("kubeconfig")
def test_a_version_that_does_not_come_up_is_taken_back(cluster: SyncCluster) -> None:
    assert deploy("web:v1").returncode == 0
    with cluster.faults.image_missing("web:v2"):
        done = deploy("web:v2", timeout="2s")
    assert done.returncode == 3
    assert "web:v2 did not come up" in done.stderr
    assert image(cluster) == "web:v1"


@pytest.mark.usefixtures("kubeconfig")
def test_a_server_that_refuses_is_an_error(cluster: SyncCluster) -> None:
    with cluster.faults.api_error(500, verb="create|patch", resource="deployments"):
        assert deploy("web:v1").returncode == 1
    assert cluster.client.list(DEPLOYMENTS, "default").items == []
