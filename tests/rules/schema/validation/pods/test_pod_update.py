"""What an update of a pod may change, and how it is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from wherry.rules.schema.validation.pods.status import status_changes
from wherry.rules.schema.validation.pods.update import annotation_changes, ephemeral_changes, spec_changes

GOLDEN = Path(__file__).parents[4] / "golden" / "api" / "subresources.jsonl"
ANY = {"key": "a", "operator": "Exists"}


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "a:1"}], **spec}}


def errors(old: dict[str, Any], **changes: Any) -> list[tuple[str, str]]:
    new = copy.deepcopy(old)
    new["spec"] = {k: v for k, v in {**new["spec"], **changes}.items() if v is not None}
    return [(e.field, e.message) for e in spec_changes(new, old)]


def test_the_recorded_refusal_shows_the_same_difference() -> None:
    calls = {call["id"]: call for call in map(json.loads, GOLDEN.read_text().splitlines())}
    old = calls["subresources/pod-change-image"]["response"]["body"]
    new = {**old, "spec": {**old["spec"], **calls["subresources/pod-change-other"]["request"]["body"]["spec"]}}
    causes = [cause.to_json() for cause in spec_changes(new, old)]
    assert causes == calls["subresources/pod-change-other"]["response"]["body"]["details"]["causes"]


@pytest.mark.parametrize(("old", "changes"), [
    ({}, {"containers": [{"name": "c", "image": "a:2"}]}),
    ({}, {"activeDeadlineSeconds": 10}),
    ({"activeDeadlineSeconds": 10}, {"activeDeadlineSeconds": 9}),
    ({"tolerations": [ANY]}, {"tolerations": [{**ANY, "tolerationSeconds": 3}, {"key": "b", "operator": "Exists"}]}),
    ({"terminationGracePeriodSeconds": -1}, {"terminationGracePeriodSeconds": 1}),
    ({"schedulingGates": [{"name": "a"}, {"name": "b"}]}, {"schedulingGates": [{"name": "b"}]}),
    ({"schedulingGates": [{"name": "a"}]}, {"nodeSelector": {"zone": "1"}}),
    ({"schedulingGates": [{"name": "a"}], "nodeSelector": {"zone": "1"}}, {"nodeSelector": {"zone": "1", "disk": "ssd"}}),
    ({"schedulingGates": [{"name": "a"}]}, {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}}),
])  # fmt: skip
def test_what_may_change(old: dict[str, Any], changes: dict[str, Any]) -> None:
    assert errors(pod(**old), **changes) == []


@pytest.mark.parametrize(("old", "changes", "field", "text"), [
    ({}, {"containers": []}, "spec.containers", "Forbidden: pod updates may not add or remove containers"),
    ({}, {"containers": [{"name": "c", "image": " a"}]}, "spec.containers[0].image",
     'Invalid value: " a": must not have leading or trailing whitespace'),
    ({"activeDeadlineSeconds": 5}, {"activeDeadlineSeconds": 6}, "spec.activeDeadlineSeconds",
     "Invalid value: 6: must be less than or equal to previous value"),
    ({"activeDeadlineSeconds": 5}, {"activeDeadlineSeconds": None}, "spec.activeDeadlineSeconds",
     "Invalid value: null: must not update from a positive integer to nil value"),
    ({"tolerations": [ANY]}, {"tolerations": None}, "spec.tolerations",
     "Forbidden: existing toleration can not be modified except its tolerationSeconds"),
    ({}, {"schedulingGates": [{"name": "a"}]}, "spec.schedulingGates[0].name",
     "Forbidden: only deletion is allowed, but found new scheduling gate 'a'"),
    ({"schedulingGates": [{"name": "a"}], "nodeSelector": {"zone": "1"}}, {"nodeSelector": {"disk": "ssd"}}, "spec.nodeSelector",
     'Invalid value: {"disk":"ssd"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)'),
])  # fmt: skip
def test_what_may_not(old: dict[str, Any], changes: dict[str, Any], field: str, text: str) -> None:
    assert errors(pod(**old), **changes) == [(field, text)]


def test_a_node_selector_is_fixed_without_gates() -> None:
    found = errors(pod(), nodeSelector={"zone": "1"})
    assert [field for field, _ in found] == ["spec"]
    assert found[0][1].endswith('- "NodeSelector": null,\n+ "NodeSelector": {\n+  "zone": "1"\n+ },\n'
                                '  "ServiceAccountName": "",\n  "AutomountServiceAccountToken": null,\n  "NodeName": "",\n')


def test_terms_of_node_affinity_of_a_gated_pod_only_get_longer() -> None:
    def affinity(*expressions: dict[str, Any]) -> dict[str, Any]:
        terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
        return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}

    first, second = {"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}
    old = pod(schedulingGates=[{"name": "g"}], affinity=affinity(first))
    assert errors(old, affinity=affinity(first, second)) == []
    path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    assert errors(old, affinity=affinity(second)) == [(
        path + "[0]",
        'Invalid value: {"MatchExpressions":[{"Key":"b","Operator":"Exists","Values":null}],"MatchFields":null}: '
        "only additions are allowed (no mutations or deletions)",
    )]
    assert errors(old, affinity=None)[0][0] == path


def test_the_mirror_annotation_is_the_creators() -> None:
    old = pod()
    new = {**old, "metadata": {"name": "p", "annotations": {"kubernetes.io/config.mirror": "x"}}}
    assert [e.message for e in annotation_changes(new, old)] == ["Forbidden: may not add mirror pod annotation"]
    assert [e.message for e in annotation_changes(old, new)] == ["Forbidden: may not remove or update mirror pod annotation"]


def test_ephemeral_containers_stay() -> None:
    old, new = pod(ephemeralContainers=[{"name": "e", "image": "a"}]), pod(ephemeralContainers=[{"name": "e", "image": "b"}])
    [changed] = ephemeral_changes(new, old)
    assert changed.message.startswith('Forbidden: existing ephemeral containers "e" may not be changed\n@@ ')
    assert [e.message for e in ephemeral_changes(pod(), old)] == ['Forbidden: existing ephemeral containers "e" may not be removed\n']
    assert ephemeral_changes(old, pod()) == []


def status_errors(spec: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    base = pod(**spec)
    return [(e.field, e.message) for e in status_changes({**base, "status": new}, {**base, "status": old})]


@pytest.mark.parametrize(("spec", "exit_code", "allowed"), [
    ({"restartPolicy": "Always"}, 0, True),
    ({"restartPolicy": "OnFailure"}, 0, False),
    ({"restartPolicy": "OnFailure"}, 1, True),
    ({"restartPolicy": "Never"}, 1, False),
    ({"restartPolicy": "Never", "containers": [{"name": "c", "restartPolicy": "Always"}]}, 1, True),
    ({"restartPolicy": "Never", "containers": [{"name": "c", "restartPolicy": "Never", "restartPolicyRules": [
        {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]}]}, 42, True),
])  # fmt: skip
def test_a_container_that_ended_runs_again_only_by_the_restart_policy(spec: dict[str, Any], exit_code: int, allowed: bool) -> None:
    old = {"containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": exit_code}}}]}
    new = {"containerStatuses": [{"name": "c", "state": {"running": {}}}]}
    refused = [("status.containerStatuses[0].state", "Forbidden: may not be transitioned to non-terminated state")]
    assert status_errors(spec, old, new) == ([] if allowed else refused)


@pytest.mark.parametrize(("old", "new", "field", "text"), [
    ({"qosClass": "BestEffort"}, {"qosClass": "Burstable"}, "status.qosClass", 'Invalid value: "Burstable": field is immutable'),
    ({}, {"conditions": [{"type": "no good"}]}, "status.conditions[0].Type", 'Invalid value: "no good": '),
    ({}, {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}, "status.podIPs",
     'Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]: may specify no more than one IP for each IP family'),
    ({}, {"hostIPs": [{"ip": "10.0.0.1"}]}, "status.hostIPs[0].ip", 'Invalid value: "10.0.0.1": must be equal to `hostIP`'),
    ({}, {"observedGeneration": -1}, "status.observedGeneration", "Invalid value: -1: must be a non-negative integer"),
])  # fmt: skip
def test_what_a_status_may_not_say(old: dict[str, Any], new: dict[str, Any], field: str, text: str) -> None:
    [(found, message)] = status_errors({}, old, new)
    assert found == field
    assert message.startswith(text)


def test_a_bound_pod_is_nominated_nowhere() -> None:
    assert status_errors({"nodeName": "n"}, {}, {"nominatedNodeName": "m"}) == [
        ("status.nominatedNodeName", "Forbidden: may not be set on pods that are already bound to a node")
    ]
