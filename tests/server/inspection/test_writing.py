"""Writes: names that are left out, what a patch says twice, versions and uids of what is not there, bindings, scales that are applied."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.inspection.audit_session import APPLY, APPS, CORE, JSON_PATCH, MERGE, STRATEGIC, Api

_LEASES = "/apis/coordination.k8s.io/v1/namespaces/audit/leases"
_TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}


@pytest.fixture(scope="module", autouse=True)
def objects(api: Api) -> None:
    api.call("POST", CORE + "/configmaps", {"metadata": {"name": "c"}})
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": _TEMPLATE}
    api.call("POST", APPS + "/deployments", {"metadata": {"name": "d"}, "spec": spec})
    api.call("POST", CORE + "/pods", {"metadata": {"name": "p"}, "spec": {**_TEMPLATE["spec"], "schedulerName": "none"}})


@pytest.mark.parametrize("path", ["/configmaps/c", "/pods/p/status"])
def test_an_update_says_the_name(api: Api, path: str) -> None:
    reply = api.call("PUT", CORE + path, {"metadata": {}, "spec": _TEMPLATE["spec"]} if "pods" in path else {})
    name = path.split("/")[2]
    assert (reply.status, reply.message) == (
        400, f"the name of the object ({name} based on URL) was undeterminable: name must be provided",
    )  # fmt: skip


def test_a_patch_does_not_take_the_name_away(api: Api) -> None:
    assert "undeterminable" in api.call("PATCH", CORE + "/configmaps/c", {"metadata": None}, MERGE).message


def test_a_scale_has_the_name_of_its_parent(api: Api) -> None:
    scale = {"metadata": {"name": "e"}, "spec": {"replicas": 1}}
    assert (
        api.call("PUT", APPS + "/deployments/d/scale", scale).message == "the name of the object (e) does not match the name on the URL (d)"
    )


def test_what_a_patch_says_twice_is_told(api: Api) -> None:
    reply = api.call("PATCH", CORE + "/configmaps/c?dryRun=All", '{"data":{"a":"1","a":"2"},"x":1}', MERGE)
    assert reply.warnings == ['299 - "duplicate field \\"data.a\\""', '299 - "unknown field \\"x\\""']


def test_or_refused(api: Api) -> None:
    reply = api.call("PATCH", CORE + "/configmaps/c?fieldValidation=Strict", '{"data":{"a":"1","a":"2"}}', STRATEGIC)
    assert reply.status == 422
    assert reply.message.endswith('strict decoding error: duplicate field "data.a"')


def test_operations_have_four_fields(api: Api) -> None:
    reply = api.call("PATCH", CORE + "/configmaps/c?dryRun=All", '[{"op":"add","path":"/data","value":{},"foo":1}]', JSON_PATCH)
    assert reply.warnings == ['299 - "json patch unknown field \\"[0].foo\\""']


def test_a_dry_run_leaves_the_stored_object_alone(api: Api) -> None:
    api.call("POST", CORE + "/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    before = api.call("GET", CORE + "/services/s").body
    assert api.call("PATCH", CORE + "/services/s?dryRun=All", {"spec": {"type": "NodePort"}}, MERGE).body["spec"]["ports"][0]["nodePort"]
    assert api.call("GET", CORE + "/services/s").body == before


def test_a_lease_needs_a_version_and_the_refusal_names_the_resource(api: Api) -> None:
    assert api.call("PUT", _LEASES + "/one", {"metadata": {"name": "one", "resourceVersion": "5"}, "spec": {}}).status == 201
    reply = api.call("PUT", _LEASES + "/one", {"metadata": {"name": "one"}, "spec": {}})
    assert reply.message == (
        'leases.coordination.k8s.io "one" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update'
    )
    assert reply.body["details"]["kind"] == "leases"


def test_a_uid_is_a_precondition_of_what_is_not_there(api: Api) -> None:
    reply = api.call("PUT", _LEASES + "/two", {"metadata": {"name": "two", "uid": "x"}, "spec": {}})
    assert (reply.status, reply.message.rpartition("Precondition failed: ")[2]) == (
        409, "UID in precondition: x, UID in object meta: ",
    )  # fmt: skip


def test_the_key_of_a_service_is_where_the_reference_keeps_it(api: Api) -> None:
    made = api.call("POST", CORE + "/services", {"metadata": {"name": "t"}, "spec": {"ports": [{"port": 80}]}}).body
    other = {**made, "metadata": {**made["metadata"], "uid": "x"}}
    assert "Key: /registry/services/specs/audit/t," in api.call("PUT", CORE + "/services/t", other).message


def test_a_binding_names_its_pod(api: Api) -> None:
    reply = api.call("POST", CORE + "/pods/p/binding", {"metadata": {"name": "q"}, "target": {"name": "n"}})
    assert (reply.status, reply.message) == (400, "name in URL does not match name in Binding object")
    reply = api.call("POST", CORE + "/pods/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Pod"}})
    assert (reply.status, reply.message) == (
        500, '[target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
    )  # fmt: skip


def test_bindings_bind(api: Api) -> None:
    reply = api.call("POST", CORE + "/bindings", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}})
    assert (reply.status, reply.body["status"]) == (201, "Success")
    assert api.call("GET", CORE + "/pods/p").body["spec"]["nodeName"] == "n"


def test_evictions_of_both_versions(api: Api) -> None:
    eviction = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "p"}}
    assert api.call("POST", CORE + "/pods/p/eviction?dryRun=All", eviction).status == 201


def _apply_scale(api: Api, query: str, replicas: int) -> Any:
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": replicas}}
    return api.call("PATCH", f"{APPS}/deployments/d/scale?{query}", scale, APPLY)


def test_a_scale_is_applied(api: Api) -> None:
    assert _apply_scale(api, "fieldManager=one&force=true", 2).body["spec"] == {"replicas": 2}
    reply = _apply_scale(api, "fieldManager=two", 3)
    assert (reply.status, reply.message) == (
        409,
        'Apply failed with 1 conflict: conflict with "one" with subresource "scale": .spec.replicas',
    )
    entry = next(e for e in api.call("GET", APPS + "/deployments/d").body["metadata"]["managedFields"] if e["manager"] == "one")
    assert entry == {
        "manager": "one", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}}, "subresource": "scale",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("", 400, "invalid object type: /, Kind="),
        ("[]", 400, "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
         "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("{", 400, "error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find expected node content"),
        ("apiVersion: 1\nkind: ConfigMap", 400, "invalid object type: /, Kind=ConfigMap"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: []", 500,
         "failed to create typed patch object (/; /v1, Kind=ConfigMap): .metadata: expected map, got &{[]}"),
    ],
)  # fmt: skip
def test_configurations_that_cannot_be_applied(api: Api, text: str, status: int, message: str) -> None:
    reply = api.call("PATCH", CORE + "/configmaps/c?fieldManager=a", text, APPLY)
    assert (reply.status, reply.message) == (status, message)


def test_what_a_configuration_says_twice(api: Api) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: b\n  a: c\n"
    assert api.call("PATCH", CORE + "/configmaps/c?fieldManager=a", text, APPLY).warnings == [
        '299 - "line 6: key \\"a\\" already set in map"'
    ]
    assert api.call("PATCH", CORE + "/configmaps/c?fieldManager=a&fieldValidation=Strict", text, APPLY).message == (
        'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "a" already set in map'
    )


def test_a_merged_object_that_is_none_of_its_kind(api: Api) -> None:
    spec = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"minReadySeconds": 2.5}}
    reply = api.call("PATCH", APPS + "/deployments/d?fieldManager=a", spec, APPLY)
    assert (reply.status, reply.message) == (
        500, "failed to convert new object (/d; apps/v1, Kind=Deployment) to proper version: "
        "unable to convert unstructured object to apps/v1, Kind=Deployment: cannot convert float64 to int32",
    )  # fmt: skip


def test_counts_of_a_status_that_are_left_out(api: Api) -> None:
    template = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": _TEMPLATE}
    api.call("POST", APPS + "/replicasets", {"metadata": {"name": "r"}, "spec": template})
    reply = api.call("PATCH", APPS + "/replicasets/r/status", {"status": {"replicas": -1}}, MERGE)
    assert reply.status == 422
    assert reply.causes[0] == ("status.replicas", "Invalid value: -1: must be greater than or equal to 0")


def test_yaml_without_aliases_in_natural_order(api: Api) -> None:
    api.call("POST", CORE + "/configmaps", {"metadata": {"name": "y"}, "data": {"a10": "1e3", "a2": "x", "B": "y"}})
    text = api.call("GET", CORE + "/configmaps/y", accept="application/yaml").body
    assert 'data:\n  B: "y"\n  a2: x\n  a10: "1e3"\n' in text
    assert "&id" not in text


def test_a_review_that_is_wrong_has_forgotten_its_kind(api: Api) -> None:
    reply = api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": {}})
    assert reply.status == 422
    assert reply.message.startswith('.authorization.k8s.io "" is invalid: [spec.resourceAttributes: ')
    assert (reply.body["details"]["group"], "kind" in reply.body["details"]) == ("authorization.k8s.io", False)
