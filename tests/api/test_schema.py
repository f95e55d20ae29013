from __future__ import annotations

import pytest

from wherry.api import schema, schema_data
from wherry.api.resources import BUILT_IN
from wherry.api.schema import definition

CORE = "io.k8s.api.core.v1."
META = "io.k8s.apimachinery.pkg.apis.meta.v1."


def test_definition_is_one_node() -> None:
    assert definition(CORE + "Pod") is definition(CORE + "Pod")
    with pytest.raises(KeyError):
        definition(CORE + "Nosuch")


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda row: f"{row.api_version}/{row.kind}")
def test_every_served_kind_has_a_schema(row: object) -> None:
    assert definition(row.schema).properties["metadata"].name.startswith(META)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("owner", "field", "merge_key", "strategy", "list_type", "keys"),
    [
        (CORE + "PodSpec", "containers", "name", {"merge"}, "map", ("name",)),
        (CORE + "PodSpec", "volumes", "name", {"merge", "retainKeys"}, "map", ("name",)),
        (CORE + "PodSpec", "tolerations", "", set(), "atomic", ()),
        (CORE + "Container", "env", "name", {"merge"}, "map", ("name",)),
        (CORE + "Container", "ports", "containerPort", {"merge"}, "map", ("containerPort", "protocol")),
        (CORE + "Container", "volumeMounts", "mountPath", {"merge"}, "map", ("mountPath",)),
        (CORE + "ServiceSpec", "ports", "port", {"merge"}, "map", ("port", "protocol")),
        (META + "ObjectMeta", "finalizers", "", {"merge"}, "set", ()),
        (META + "ObjectMeta", "ownerReferences", "uid", {"merge"}, "map", ("uid",)),
        (META + "ObjectMeta", "managedFields", "", set(), "atomic", ()),
    ],
)
def test_lists_merge_as_their_types_say(
    owner: str, field: str, merge_key: str, strategy: set[str], list_type: str, keys: tuple[str, ...]
) -> None:
    node = definition(owner).properties[field]
    assert (node.kind, node.merge_key, node.patch_strategy, node.list_type, node.list_map_keys) == (
        "list", merge_key, strategy, list_type, keys,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "field", "kind", "go_type"),
    [
        ("io.k8s.api.apps.v1.DeploymentSpec", "replicas", "int32", "int32"),
        (CORE + "PodSpec", "terminationGracePeriodSeconds", "int64", "int64"),
        (CORE + "Container", "imagePullPolicy", "string", "v1.PullPolicy"),
        (CORE + "ResourceRequirements", "limits", "map", "v1.ResourceList"),
        (CORE + "ServicePort", "targetPort", "int_or_string", "intstr.IntOrString"),
        (CORE + "ConfigMap", "binaryData", "map", "map[string][]uint8"),
        (META + "ObjectMeta", "creationTimestamp", "time", "v1.Time"),
        ("io.k8s.api.coordination.v1.LeaseSpec", "renewTime", "micro_time", "v1.MicroTime"),
        ("io.k8s.api.apps.v1.ControllerRevision", "data", "any", "runtime.RawExtension"),
        (META + "ManagedFieldsEntry", "fieldsV1", "any", "v1.FieldsV1"),
    ],
)
def test_fields_know_their_kind_and_go_type(owner: str, field: str, kind: str, go_type: str) -> None:
    node = definition(owner).properties[field]
    assert (node.kind, node.go_type) == (kind, go_type)


def test_presence_of_zeros() -> None:
    deployment = definition("io.k8s.api.apps.v1.DeploymentSpec").properties
    assert deployment["replicas"].pointer
    assert not deployment["minReadySeconds"].pointer
    assert deployment["strategy"].always
    assert definition(META + "ObjectMeta").properties["creationTimestamp"].omit_zero


def test_schema_that_contains_itself_is_compiled_lazily() -> None:
    props = definition(schema.SCHEMA_PROPS)
    nested = props.properties["properties"].items
    assert nested is not None
    assert nested.properties is props.properties


def test_presence_facts_are_of_known_fields() -> None:
    for name in schema_data.names():
        assert schema_data.presence(name).keys() <= schema_data.definition(name).get("properties", {}).keys()


def test_registered_kinds_cover_what_is_served_and_what_was() -> None:
    assert ("apps/v1", "Deployment") in schema_data.registered()
    assert ("apps/v1beta1", "Deployment") in schema_data.registered()
    assert ("v1", "Deployment") not in schema_data.registered()
