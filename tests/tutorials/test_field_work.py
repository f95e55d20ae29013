"""What people do with a cluster on an ordinary day, with the kubectl they have: each story in a namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry import Cluster

pytestmark = [pytest.mark.kubectl, pytest.mark.timeout(180)]
MANIFESTS = Path(__file__).parent / "manifests"


class Shell:
    """kubectl in one namespace."""

    def __init__(self, cluster: Cluster, namespace: str, home: Path) -> None:
        found = os.environ.get("KUBECTL") or shutil.which("kubectl")
        if not found:
            raise FileNotFoundError("no kubectl on PATH and none in $KUBECTL")
        self._command = [found, "-n", namespace]
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": cluster.kubeconfig}

    def __call__(self, *args: str) -> str:
        done = subprocess.run([*self._command, *args], env=self._environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def values(self, what: str, path: str, *args: str) -> list[str]:
        return self("get", what, *args, "-o", f"jsonpath={{range .items[*]}}{{{path}}}{{'\\n'}}{{end}}").split()

    def until(self, wanted: list[str], what: str, path: str, *args: str) -> None:
        deadline = time.monotonic() + 60
        while (found := self.values(what, path, *args)) != wanted:
            assert time.monotonic() < deadline, f"{what} {path}: {found} instead of {wanted}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=3, test_mode=True) as cluster:
        yield cluster


@pytest.fixture
def kubectl(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    name = request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-")
    shell = Shell(cluster, name, tmp_path)
    shell("create", "namespace", name)
    return shell


def test_a_blog_with_its_database(kubectl: Shell) -> None:
    made = kubectl("apply", "-k", str(MANIFESTS / "blog"))
    assert "deployment.apps/blog-db created" in made
    for name in ("blog-db", "blog"):
        kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    assert kubectl.values("pvc", ".status.phase") == ["Bound", "Bound"]
    assert kubectl.values("pvc", ".spec.storageClassName") == ["standard", "standard"]
    (secret,) = kubectl.values("secret", ".metadata.name")
    assert secret.startswith("db-password-")
    used = "{.spec.template.spec.containers[0].env[0].valueFrom.secretKeyRef.name}"
    assert kubectl("get", "deployment/blog-db", "-o", f"jsonpath={used}") == secret
    assert kubectl("get", "endpoints/blog-db", "-o", "jsonpath={.subsets[0].ports[0].port}") == "3306"
    assert kubectl("get", "service/blog-db", "-o", "jsonpath={.spec.clusterIP}") == "None"
    # a new image of the database: the old pod goes before the new one comes, and the claim stays
    volume = kubectl("get", "pvc/db-data", "-o", "jsonpath={.spec.volumeName}")
    kubectl("set", "image", "deployment/blog-db", "mysql=mysql:8.4")
    kubectl("rollout", "status", "deployment/blog-db", "--timeout=60s")
    assert kubectl("get", "pvc/db-data", "-o", "jsonpath={.spec.volumeName}") == volume
    kubectl("delete", "-k", str(MANIFESTS / "blog"), "--timeout=60s")
    assert kubectl.values("pvc", ".metadata.name") == []


def test_what_pods_and_nodes_use(kubectl: Shell) -> None:
    kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    pods = kubectl("top", "pods", "-l", "app=web", "--no-headers").splitlines()
    assert len(pods) == 2
    assert pods[0].split()[1:] == ["1m", "8Mi"]
    nodes = kubectl("top", "nodes").splitlines()
    assert nodes[0].split()[:2] == ["NAME", "CPU(cores)"]
    assert len(nodes) == 4
    containers = kubectl("top", "pods", "--containers", "--sum").splitlines()
    assert containers[1].split()[1] == "nginx"


def test_a_replication_controller_behind_a_service(kubectl: Shell) -> None:
    kubectl("apply", "-f", str(MANIFESTS / "controller.yaml"))
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "rc/front", "--timeout=60s")
    kubectl("scale", "rc/front", "--replicas=5")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=5", "rc/front", "--timeout=60s")
    kubectl("wait", "--for=jsonpath={.subsets[0].addresses[4].ip}", "endpoints/front", "--timeout=60s")
    # a pod that loses its label is let go, and another takes its place
    first = kubectl.values("pods", ".metadata.name")[0]
    kubectl("label", "pod", first, "app=elsewhere", "--overwrite")
    kubectl.until(["true"] * 5, "pods", ".status.containerStatuses[0].ready", "-l", "app=front")
    kubectl("delete", "rc/front", "--timeout=60s")
    kubectl.until([first], "pods", ".metadata.name")


def test_a_daemon_set_switched_from_on_delete(kubectl: Shell) -> None:
    kubectl("apply", "-f", str(MANIFESTS / "daemon.yaml"))
    kubectl("wait", "--for=jsonpath={.status.numberReady}=3", "ds/agent", "--timeout=60s")
    kubectl("set", "image", "ds/agent", "agent=agent:2")
    kubectl("wait", "--for=jsonpath={.status.observedGeneration}=2", "ds/agent", "--timeout=60s")
    assert kubectl.values("pods", ".spec.containers[0].image") == ["agent:1"] * 3
    kubectl("delete", "pod", kubectl.values("pods", ".metadata.name")[0])
    kubectl("wait", "--for=jsonpath={.status.updatedNumberScheduled}=1", "ds/agent", "--timeout=60s")
    rolling = '{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1}}}}'
    kubectl("patch", "ds/agent", "-p", rolling)
    kubectl("rollout", "status", "ds/agent", "--timeout=60s")
    kubectl.until(["agent:2"] * 3, "pods", ".spec.containers[0].image")


def test_a_stateful_set_with_a_partition_and_claims(kubectl: Shell) -> None:
    kubectl("apply", "-f", str(MANIFESTS / "stateful.yaml"))
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=4", "sts/db", "--timeout=60s")
    assert kubectl.values("pvc", ".metadata.name") == [f"data-db-{i}" for i in range(4)]
    volumes = kubectl.values("pvc", ".spec.volumeName")
    kubectl("set", "image", "sts/db", "db=postgres:16")
    kubectl("rollout", "status", "sts/db", "--timeout=60s")
    kubectl.until(["postgres:15"] * 2 + ["postgres:16"] * 2, "pods", ".spec.containers[0].image")
    kubectl("patch", "sts/db", "-p", '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}')
    kubectl("rollout", "status", "sts/db", "--timeout=60s")
    kubectl.until(["postgres:16"] * 4, "pods", ".spec.containers[0].image")
    assert kubectl.values("pvc", ".spec.volumeName") == volumes
    # what is scaled away takes its claims along, what is deleted leaves them
    kubectl("scale", "sts/db", "--replicas=2")
    kubectl.until(["data-db-0", "data-db-1"], "pvc", ".metadata.name")
    kubectl("delete", "sts/db", "--timeout=60s")
    kubectl.until([], "pods", ".metadata.name")
    assert kubectl.values("pvc", ".spec.volumeName") == volumes[:2]


def test_a_claim_that_grows_and_one_that_waits(kubectl: Shell) -> None:
    kubectl("apply", "-f", str(MANIFESTS / "blog" / "database.yaml"))
    kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/db-data", "--timeout=60s")
    kubectl("patch", "pvc/db-data", "-p", '{"spec":{"resources":{"requests":{"storage":"30Gi"}}}}')
    kubectl("wait", "--for=jsonpath={.status.capacity.storage}=30Gi", "pvc/db-data", "--timeout=60s")
    shown = kubectl("get", "pvc/db-data", "--no-headers").split()
    assert (shown[1], shown[3], shown[4], shown[5]) == ("Bound", "30Gi", "RWO", "standard")
    assert "ProvisioningSucceeded" in kubectl("describe", "pvc/db-data")
    assert kubectl("get", "storageclass", "--no-headers").split()[:3] == ["standard", "(default)", "wherry.dev/hostpath"]
