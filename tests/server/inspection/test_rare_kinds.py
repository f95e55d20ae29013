"""Defaults and faults of kinds that few clients write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.inspection.audit_session import MERGE, Api

_FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"


def _level(**queuing: int) -> dict[str, Any]:
    response = {"type": "Queue", "queuing": queuing} if queuing else {"type": "Queue"}
    return {"metadata": {"name": "a"}, "spec": {"type": "Limited", "limited": {"limitResponse": response}}}


CASES: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("/apis/storage.k8s.io/v1/storageclasses",
     {"provisioner": "a/b", "allowedTopologies": [{"matchLabelExpressions": [{"key": "a"}, {"key": "a", "values": ["x", "x"]}]}, {}]},
     [("allowedTopologies[0].matchLabelExpressions[0].values", "Required value"),
      ("allowedTopologies[0].matchLabelExpressions[1].values[1]", 'Duplicate value: "x"'),
      ("allowedTopologies[0].matchLabelExpressions[1].key", 'Duplicate value: "a"'),
      *[("allowedTopologies[1].matchLabelExpressions", 'Duplicate value: ""')] * 2]),
    ("/apis/node.k8s.io/v1/runtimeclasses",
     {"handler": "h", "overhead": {"podFixed": {"cpu": "-1"}}, "scheduling": {"tolerations": [{"key": "a"}, {"key": "a"}]}},
     [("overhead.limits[cpu]", 'Invalid value: "-1": must be greater than or equal to 0'),
      ("scheduling.tolerations[1]", 'Duplicate value: {"Key":"a","Operator":"","Value":"","Effect":"","TolerationSeconds":null}')]),
    ("/apis/networking.k8s.io/v1/servicecidrs", {"spec": {"cidrs": ["10.0.0.0/8", "11.0.0.0/8"]}},
     [("spec.cidrs", 'Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: '
       "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64")]),
    ("/apis/storage.k8s.io/v1/csinodes", {"spec": {"drivers": [{"name": "d", "nodeID": "n", "topologyKeys": ["a", "a"]}]}},
     [("spec.drivers[0]", 'Duplicate value: "a"')]),
    (_FLOW + "/prioritylevelconfigurations", _level(),
     [("spec.limited.limitResponse.queuing", "Required value: must not be empty if limited.limitResponse.type is Limited")]),
    (_FLOW + "/prioritylevelconfigurations", _level(queues=1024, handSize=20),
     [("spec.limited.limitResponse.queuing.handSize",
       "Invalid value: 20: required entropy bits of deckSize 1024 and handSize 20 should not be greater than 60")]),
    (_FLOW + "/flowschemas",
     {"spec": {"matchingPrecedence": 1, "priorityLevelConfiguration": {"name": "x"},
               "rules": [{"subjects": [{"kind": "User"}], "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["/a//b"]}]}]}},
     [("spec.matchingPrecedence", "Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"),
      ("spec.rules[0].subjects[0].user", "Required value: user is required when subject kind is 'User'"),
      ("spec.rules[0].nonResourceRules[0].nonResourceURLs[0]", 'Invalid value: "/a//b": must not contain double slash')]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "causes"), CASES, ids=[path.rpartition("/")[2] for path, _, _ in CASES])
def test_faults(api: Api, path: str, body: dict[str, Any], causes: list[tuple[str, str]]) -> None:
    reply = api.call("POST", path + "?dryRun=All", {"metadata": {"name": "a"}, **body})
    assert reply.status == 422
    assert reply.causes == causes


def test_sources_of_volumes_have_defaults(api: Api) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "rbd": {"monitors": ["a"], "image": "b"}}
    made = api.call("POST", "/api/v1/persistentvolumes?dryRun=All", {"metadata": {"name": "v"}, "spec": spec}).body["spec"]["rbd"]
    assert made == {"monitors": ["a"], "image": "b", "pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}


@pytest.mark.parametrize("given", [{"podCIDR": "10.9.0.0/24"}, {"podCIDRs": ["10.9.0.0/24"]}])
def test_a_node_says_its_range_both_ways(api: Api, given: dict[str, Any]) -> None:
    spec = api.call("POST", "/api/v1/nodes?dryRun=All", {"metadata": {"name": "n"}, "spec": given}).body["spec"]
    assert (spec["podCIDR"], spec["podCIDRs"]) == ("10.9.0.0/24", ["10.9.0.0/24"])


_EVENT = {
    "regarding": {"namespace": "audit", "kind": "Pod", "name": "x"}, "eventTime": "2020-01-01T00:00:00.000000Z",
    "reportingController": "a/b", "reportingInstance": "i", "action": "A", "reason": "R", "type": "Normal", "note": "n",
}  # fmt: skip


def test_events_of_the_new_group_are_looked_at_strictly(api: Api) -> None:
    new, old = "/apis/events.k8s.io/v1/namespaces/audit/events", "/api/v1/namespaces/audit/events"
    reply = api.call("POST", new, {"metadata": {"name": "e"}, "regarding": {"namespace": "audit"}})
    assert reply.causes == [("eventTime", "Required value"), ("type", 'Invalid value: "": has invalid value: ')]
    assert api.call("POST", new, {"metadata": {"name": "e"}, **_EVENT}).status == 201
    reply = api.call("PATCH", new + "/e", {"note": None}, MERGE)
    assert reply.causes == [("message", 'Invalid value: "": field is immutable')]
    assert api.call("PATCH", old + "/e", {"message": "m"}, MERGE).status == 200


def test_selectors_of_an_access_review(api: Api) -> None:
    asked = {"fieldSelector": {}, "labelSelector": {"rawSelector": "a=b", "requirements": [{"key": "a b", "operator": "Later"}]}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    reply = api.call("POST", path, {"spec": {"resourceAttributes": asked}})
    at = "spec.resourceAttributes."
    assert [(field, message[:60]) for field, message in reply.causes] == [
        (at + "fieldSelector.requirements", f"Required value: when {at}fieldSelector is specified, requirements"[:60]),
        (at + "labelSelector.rawSelector", 'Invalid value: "a=b": may not specified at the same time as requirements'[:60]),
        (at + "labelSelector.requirements[0].key", 'Invalid value: "a b": name part must consist of alphanumeric characters'[:60]),
    ]
    reply = api.call("POST", path, {"spec": {"resourceAttributes": {}, "nonResourceAttributes": {"path": "/"}}})
    assert reply.causes[0][1].startswith('Invalid value: {"Path":"/","Verb":""}: ')
