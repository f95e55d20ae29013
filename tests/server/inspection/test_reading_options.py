"""Options of lists: what is wrong with them, all of it at once, and continue tokens that are none."""

from __future__ import annotations

import base64

import pytest

from tests.server.inspection.audit_session import CORE, TABLE, Api

_TOKEN = "invalid continue token: continue key is not valid"


def _token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_a_negative_limit_is_none(api: Api) -> None:
    assert len(api.call("GET", CORE + "/configmaps?limit=-1").body["items"]) == 1


def test_a_timeout_is_a_number_for_lists_too(api: Api) -> None:
    reply = api.call("GET", CORE + "/configmaps?timeoutSeconds=x")
    assert (reply.status, reply.message) == (400, 'strconv.ParseInt: parsing "x": invalid syntax')


def test_lists_have_no_initial_events(api: Api) -> None:
    reply = api.call("GET", CORE + "/configmaps?sendInitialEvents=true")
    assert reply.causes == [("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list")]


def test_all_faults_of_list_options_at_once(api: Api) -> None:
    reply = api.call("GET", CORE + "/configmaps?resourceVersion=0&resourceVersionMatch=Exact&continue=x")
    assert [message for _, message in reply.causes] == [
        "Forbidden: resourceVersionMatch is forbidden when continue is provided",
        'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ]


def test_all_faults_of_watch_options_at_once(api: Api) -> None:
    reply = api.call("GET", CORE + "/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact")
    assert [message for _, message in reply.causes] == [
        "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        'Unsupported value: "Exact": supported values: "NotOlderThan"',
    ]


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("x", ": illegal base64 data at input byte 0"),
        ("ab=c", ": illegal base64 data at input byte 2"),
        (_token("ab"), ": invalid character 'a' looking for beginning of value"),
        (_token("[]"), ": json: cannot unmarshal array into Go value of type storage.continueToken"),
        (_token('{"rv":"1"}'), ": json: cannot unmarshal string into Go struct field continueToken.rv of type int64"),
        (_token('{"v":"z"}'), ": server does not recognize this encoded version z"),
        (_token('{"v":"meta.k8s.io/v1"}'), ": incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
        (_token('{"v":"meta.k8s.io/v1","rv":1}'), ": encoded start key empty (version meta.k8s.io/v1)"),
        (_token('{"v":"meta.k8s.io/v1","rv":1,"start":"../x"}'), ": ../x"),
    ],
)
def test_tokens_that_are_none(api: Api, token: str, why: str) -> None:
    reply = api.call("GET", f"{CORE}/configmaps?continue={token}")
    assert (reply.status, reply.message) == (400, _TOKEN + why)


def test_fields_that_a_kind_without_namespace_knows(api: Api) -> None:
    assert api.call("GET", "/api/v1/nodes?fieldSelector=metadata.namespace%3Dx").message == "field label not supported: metadata.namespace"
    assert api.call("GET", "/api/v1/persistentvolumes?fieldSelector=metadata.namespace%3Dx").status == 200
    assert api.call("GET", "/apis/resource.k8s.io/v1/resourceslices?fieldSelector=x%3Dy").message == (
        "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: x"
    )


def test_fields_of_pods_from_the_past(api: Api) -> None:
    assert api.call("GET", CORE + "/pods?fieldSelector=spec.host%3Dx,status.podIPs%3Dy").status == 200


def test_an_autoscaler_has_one_row_in_both_versions(api: Api) -> None:
    metrics = [
        {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
    ]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
    body = {"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "scaleTargetRef": target, "metrics": metrics}}
    api.call("POST", "/apis/autoscaling/v2/namespaces/audit/horizontalpodautoscalers", body)
    cells = [
        api.call("GET", f"/apis/autoscaling/{v}/namespaces/audit/horizontalpodautoscalers/h", accept=TABLE).body["rows"][0]["cells"][:5]
        for v in ("v1", "v2")
    ]
    assert cells[0] == cells[1] == ["h", "Deployment/x", "<unknown>/10, cpu: <unknown>/50%", "1", 3]
