"""A policy from the documentation, with the kubectl that people have."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry import Cluster

pytestmark = [pytest.mark.kubectl, pytest.mark.timeout(120)]
POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: demo-policy.example.com}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  validations:
  - expression: "object.spec.replicas <= 5"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: demo-binding-test.example.com}
spec:
  policyName: demo-policy.example.com
  validationActions: [Deny]
  matchResources:
    namespaceSelector: {matchLabels: {environment: test}}
"""
WRONG = POLICY.replace("object.spec.replicas <= 5", "object.spec.replicas <= five")
WARN = '{"spec":{"validationActions":["Warn"]}}'
DENIED = (
    "The deployments \"web\" is invalid: : ValidatingAdmissionPolicy 'demo-policy.example.com' with binding "
    "'demo-binding-test.example.com' denied request: failed expression: object.spec.replicas <= 5"
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=1, test_mode=True) as cluster:
        yield cluster


def kubectl(cluster: Cluster, home: Path, *args: str, given: str = "") -> tuple[str, str]:
    found = os.environ.get("KUBECTL") or shutil.which("kubectl")
    if not found:
        raise FileNotFoundError("no kubectl on PATH and none in $KUBECTL")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": cluster.kubeconfig}
    done = subprocess.run([found, *args], env=environment, input=given, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip(), done.stderr.strip()


def test_a_policy_holds_deployments_small(cluster: Cluster, tmp_path: Path) -> None:
    def run(*args: str, given: str = "") -> tuple[str, str]:
        return kubectl(cluster, tmp_path, *args, given=given)

    out, _ = run("apply", "-f", "-", given=POLICY)
    assert out.splitlines() == [
        "validatingadmissionpolicy.admissionregistration.k8s.io/demo-policy.example.com created",
        "validatingadmissionpolicybinding.admissionregistration.k8s.io/demo-binding-test.example.com created",
    ]
    assert run("create", "deployment", "web", "--image=nginx", "--replicas=9") == ("deployment.apps/web created", "")
    run("label", "namespace", "default", "environment=test")
    assert run("scale", "deployment", "web", "--replicas=4")[0] == "deployment.apps/web scaled"
    assert run("patch", "deployment", "web", "-p", '{"spec":{"replicas":6}}')[1] == DENIED
    assert run("delete", "deployment", "web")[0].startswith('deployment.apps "web" deleted')
    assert run("create", "deployment", "web", "--image=nginx", "--replicas=6")[1].endswith(
        "denied request: failed expression: object.spec.replicas <= 5"
    )
    run("patch", "validatingadmissionpolicybinding", "demo-binding-test.example.com", "--type=merge", "-p", WARN)
    out, warned = run("create", "deployment", "web", "--image=nginx", "--replicas=6")
    assert out == "deployment.apps/web created"
    assert warned == (
        "Warning: Validation failed for ValidatingAdmissionPolicy 'demo-policy.example.com' with binding "
        "'demo-binding-test.example.com': failed expression: object.spec.replicas <= 5"
    )
    assert "undeclared reference to 'five' (in container '')" in run("apply", "-f", "-", given=WRONG)[1]
