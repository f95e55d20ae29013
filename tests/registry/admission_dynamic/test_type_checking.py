"""A policy's expressions are held against the schemas of the kinds it is about."""

from __future__ import annotations

import time
from typing import Any

from wherry import Cluster
from wherry.api.resources import TABLE, resource
from wherry.rules.admission.policies.type_checking import warnings

RULE = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}


def policy(*texts: str, rule: dict[str, Any] = RULE, **spec: Any) -> dict[str, Any]:
    validations = [{"expression": text} for text in texts]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": validations, **spec},
    }  # fmt: skip


def test_wrong_fields_and_types_are_named() -> None:
    made = policy(
        "object.spec.replicas > 1",
        "object.replicas > 1",
        "variables.image.startsWith(1)",
        "oldObject == null || object.spec.template.spec.containers.all(c, c.image == 'x' && c.ports.size() < 3)",
        variables=[{"name": "image", "expression": "object.spec.template.spec.containers[0].image"}],
    )
    assert warnings(made, TABLE.by_path) == [
        {
            "fieldRef": "spec.validations[1].expression",
            "warning": "apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:7: undefined field 'replicas'\n"
            " | object.replicas > 1\n | ......^\n",
        },
        {
            "fieldRef": "spec.validations[2].expression",
            "warning": "apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:27: found no matching overload for 'startsWith' "
            "applied to 'string.(int)'\n | variables.image.startsWith(1)\n | ..........................^\n",
        },
    ]


def test_wildcards_are_not_checked() -> None:
    assert warnings(policy("object.nope == 1", rule={**RULE, "apiGroups": ["*"]}), TABLE.by_path) == []


def test_a_cluster_writes_the_warnings_into_the_status() -> None:
    policies = resource("validatingadmissionpolicies", "admissionregistration.k8s.io")
    with Cluster(serve=False, test_mode=True) as cluster:
        cluster.client.create(policies, "", policy("object.nope == 1"))
        deadline = time.monotonic() + 30
        while not (status := cluster.client.get(policies, "", "p").get("status") or {}):
            assert time.monotonic() < deadline
        assert status["observedGeneration"] == 1
        assert status["typeChecking"]["expressionWarnings"][0]["fieldRef"] == "spec.validations[0].expression"
