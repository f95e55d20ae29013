from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from wherry.api.objects import Obj
from wherry.api.resources import BUILT_IN, TABLE, ResourceTable
from wherry.rules.custom import kind
from wherry.server.openapi import documents as openapi

GOLDEN = Path(__file__).parents[2] / "golden" / "api" / "discovery.jsonl"
VERSIONS = sorted({(row.group, row.version) for row in BUILT_IN})


def _v3(group: str, version: str) -> dict[str, Any]:
    content = openapi.v3(TABLE, group, version)
    assert content is not None
    document: dict[str, Any] = json.loads(content)
    return document


def test_index_lists_what_the_reference_lists() -> None:
    recorded = next(json.loads(line) for line in GOLDEN.read_text().splitlines() if '"discovery/openapi-v3"' in line)
    text = re.sub(r"hash=[0-9A-F]{128}", "hash=<HASH>", openapi.index(TABLE).decode())
    assert json.loads(text) == recorded["response"]["body"]


def test_every_listed_document_exists() -> None:
    for path in json.loads(openapi.index(TABLE))["paths"]:
        assert openapi.document(TABLE, path) is not None, path
    assert openapi.document(TABLE, "apis/nosuch/v1") is None


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(item) for item in value.values())) if value else own
    return set().union(*(_references(item) for item in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize(("group", "version"), VERSIONS)
def test_document_is_complete(group: str, version: str) -> None:
    document = _v3(group, version)
    defined = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert _references(document) <= defined
    assert "null" not in {schema.get("type") for schema in document["components"]["schemas"].values()}


def test_patch_says_what_kubectl_looks_for() -> None:
    patch = _v3("apps", "v1")["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "kind": "Deployment", "version": "v1"}
    assert {p["name"] for p in patch["parameters"]} == {"dryRun", "fieldManager", "fieldValidation", "force"}
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]


def test_subresources_have_their_own_kinds() -> None:
    paths = _v3("", "v1")["paths"]
    scale = paths["/api/v1/namespaces/{namespace}/replicationcontrollers/{name}/scale"]["patch"]
    assert scale["x-kubernetes-group-version-kind"]["group"] == "autoscaling"
    assert paths["/api/v1/namespaces/{namespace}/pods/{name}/eviction"]["post"]["x-kubernetes-group-version-kind"]["kind"] == "Eviction"


def test_schemas_are_written_as_each_version_does() -> None:
    schemas = _v3("apps", "v1")["components"]["schemas"]
    intstr = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
    assert schemas[intstr] == {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}
    spec = schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]
    assert spec["replicas"]["type"] == "integer"
    assert spec["template"]["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.core.v1.PodTemplateSpec"}]
    assert spec["template"]["default"] == {}
    assert "default" not in spec["selector"]
    old = json.loads(openapi.v2(TABLE))["definitions"]
    assert old[intstr] == {"type": "string", "format": "int-or-string"}
    assert old["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]["template"]["$ref"] == "#/definitions/io.k8s.api.core.v1.PodTemplateSpec"


def test_fields_with_a_fixed_set_of_values_say_so() -> None:
    batch = _v3("batch", "v1")["components"]["schemas"]["io.k8s.api.batch.v1.CronJobSpec"]["properties"]["concurrencyPolicy"]
    assert batch["enum"] == ["Allow", "Forbid", "Replace"]
    assert "\n\nPossible enum values:\n - `\"Allow\"` " in batch["description"]
    claim = _v3("", "v1")["components"]["schemas"]["io.k8s.api.core.v1.PersistentVolumeClaimSpec"]["properties"]
    assert claim["accessModes"]["items"]["enum"] == ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]
    old = json.loads(openapi.v2(TABLE))["definitions"]["io.k8s.api.apps.v1.StatefulSetUpdateStrategy"]["properties"]
    assert old["type"]["enum"] == ["OnDelete", "RollingUpdate"]


def test_version_2_refers_only_to_what_it_defines() -> None:
    document = json.loads(openapi.v2(TABLE))
    parameters = {f"#/parameters/{name}" for name in document["parameters"]}
    assert _references(document) == parameters | (_references(document) & {f"#/definitions/{name}" for name in document["definitions"]})


def test_version_2_keeps_where_old_kubectls_look_what_they_look_for() -> None:
    patch = json.loads(openapi.v2(TABLE))["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert [p.get("name") or p["$ref"].partition("-")[0] for p in patch["parameters"]] == [
        "body", "dryRun", "#/parameters/fieldManager", "fieldValidation", "#/parameters/force",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/api/v1/pods", "/api/v1/namespaces/{namespace}/pods", "/api/v1/namespaces/{namespace}/pods/{name}/log"])
def test_every_parameter_is_described(path: str) -> None:
    item = _v3("", "v1")["paths"][path]
    described = {p["name"]: p.get("description", "") for op in item.values() if isinstance(op, dict) for p in op["parameters"]}
    assert described
    assert all(described.values())


def test_operation_ids_are_unique() -> None:
    document = json.loads(openapi.v2(TABLE))
    ids = [op["operationId"] for item in document["paths"].values() for verb, op in item.items() if verb != "parameters"]
    assert len(ids) == len(set(ids))


def _definition() -> Obj:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
        "status": {"acceptedNames": names, "conditions": [{"type": "Established", "status": "True"}]},
    }


def test_hash_changes_with_the_rows_and_only_there() -> None:
    table = ResourceTable()
    before, apps = openapi.index(table), openapi.hash_of(table, "apis/apps/v1")
    table.put("widgets.example.com", kind.rows(_definition()))
    assert openapi.index(table) != before
    assert openapi.hash_of(table, "apis/apps/v1") == apps
    content = openapi.v3(table, "example.com", "v1")
    assert content is not None
    document = json.loads(content)
    assert document["components"]["schemas"]["com.example.v1.Widget"]["properties"]["spec"]["properties"]["size"] == {"type": "integer"}
    patch = document["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"]
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]
    assert b"Widget" in openapi.v2_protobuf(table)
