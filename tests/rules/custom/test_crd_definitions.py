"""What a CustomResourceDefinition may say, which names it gets, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.custom.widgets import SPEC, definition, schema, version
from wherry.api.objects import Obj
from wherry.rules.custom import approval, names
from wherry.rules.custom import definition as rules
from wherry.rules.custom.definition_validation import validate_definition

SCHEMA = "spec.validation.openAPIV3Schema"


def errors(made: Obj) -> list[str]:
    draft = {**made, "metadata": dict(made["metadata"]), "spec": {**made["spec"], "names": dict(made["spec"]["names"])}}
    rules.STRATEGY.default(draft)
    return [f"{c.field}: {c.message}" for c in validate_definition(draft)]


def of_spec(**properties: Any) -> list[str]:
    return errors(definition(version(openapi=schema({"type": "object", "properties": properties}), subresources={})))


def test_a_good_definition_has_no_errors() -> None:
    assert errors(definition()) == []


def test_a_schema_without_types_is_not_structural() -> None:
    at = f"{SCHEMA}.properties[spec].properties"
    assert of_spec(a={}) == [f"{at}[a].type: Required value: must not be empty for specified object fields"]
    assert of_spec(a={"type": "array"}) == [f"{at}[a].items: Required value: must be specified"]
    whole = schema(SPEC, anyOf=[{"properties": {"spec": {"properties": {"c": {}}}}}])
    assert errors(definition(version(openapi=whole, subresources={}))) == [
        f"{at}[c]: Required value: because it is defined in {SCHEMA}.anyOf[0].properties[spec].properties[c]"
    ]
    assert of_spec(a={"type": "string", "allOf": [{"type": "string"}]}) == [
        f"{at}[a].allOf[0].type: Forbidden: must be empty to be structural"
    ]


def test_the_pattern_of_int_or_string_is_structural() -> None:
    either = [{"type": "integer"}, {"type": "string"}]
    assert of_spec(a={"x-kubernetes-int-or-string": True, "anyOf": either}) == []
    assert of_spec(a={"x-kubernetes-int-or-string": True, "allOf": [{"anyOf": either}, {"pattern": "x"}]}) == []


def test_metadata_may_only_restrict_names() -> None:
    good = schema(SPEC)
    good["properties"] = {**good["properties"], "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}}}}
    assert errors(definition(version(openapi=good))) == []
    bad = {**good, "properties": {**good["properties"], "metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}}
    assert errors(definition(version(openapi=bad)))[0] == (
        f"{SCHEMA}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is "
        "implicitly specified"
    )


def test_defaults_fit_their_schema() -> None:
    at = f"{SCHEMA}.properties[spec].properties[a].default"
    assert of_spec(a={"type": "integer", "default": "x"}) == [
        f'{at}: Invalid value: "string": {at} in body must be of type integer: "string"'.replace(f"{at} in body", " in body")
    ]
    assert of_spec(a={"type": "object", "properties": {"b": {"type": "string"}}, "default": {"c": 1}}) == [
        f'{at}: Invalid value: {{"c":1}}: must not have unknown fields'
    ]


def test_lists_that_are_maps_have_keys_that_are_always_there() -> None:
    items = {"type": "object", "properties": {"k": {"type": "string"}}}
    at = f"{SCHEMA}.properties[spec].properties[a]"
    found = of_spec(a={"type": "array", "items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]})
    assert found == [
        f"{at}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or "
        "be a required property"
    ]
    assert of_spec(a={"type": "array", "items": items, "x-kubernetes-list-type": "map"}) == [
        f"{at}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"
    ]
    assert of_spec(a={"type": "array", "items": items, "x-kubernetes-list-type": "set"})[0].endswith(
        "must be atomic as item of a list with x-kubernetes-list-type=set"
    )


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("uniqueItems", True, "uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"),
        ("$ref", "#/x", "$ref: Forbidden: $ref is not supported"),
        ("x-kubernetes-list-type", "set", "type: Invalid value: \"string\": must be array if x-kubernetes-list-type is specified"),
        (
            "pattern", "[",
            "pattern: Invalid value: \"[\": must be a valid regular expression, but isn't: error parsing regexp: missing closing ]: `[`",
        ),
    ],
)  # fmt: skip
def test_keywords(keyword: str, value: Any, expected: str) -> None:
    assert of_spec(a={"type": "string", keyword: value}) == [f"{SCHEMA}.properties[spec].properties[a].{expected}"]


def test_selectable_fields_are_single_values() -> None:
    fields = [{"jsonPath": p} for p in (".spec.color", ".spec.ports", ".spec.nope", ".metadata.name", ".spec.color")]
    at = "spec.selectableFields"
    assert errors(definition(version(selectableFields=fields))) == [
        f'{at}[1].jsonPath: Invalid value: ".spec.ports": must point to a field of type string, boolean or integer. Enum string fields and '
        "strings with formats are allowed.",
        f'{at}[2].jsonPath: Invalid value: ".spec.nope": is an invalid path: does not refer to a valid field',
        f'{at}[3].jsonPath: Invalid value: ".metadata.name": is an invalid path: does not refer to a valid field',
        f'{at}[4].jsonPath: Duplicate value: ".spec.color"',
    ]


def test_the_scale_lies_in_spec_and_status() -> None:
    scale = {"specReplicasPath": ".status.a", "statusReplicasPath": ".status.b"}
    assert errors(definition(version(subresources={"scale": scale}))) == [
        'spec.subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec'
    ]


def test_a_conversion_webhook_reads_reviews_that_are_known() -> None:
    webhook = {"clientConfig": {"url": "https://x.example.com"}, "conversionReviewVersions": ["v9"]}
    assert errors(definition(conversion={"strategy": "Webhook", "webhook": webhook})) == [
        'spec.conversion.conversionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1'
    ]


def test_groups_of_the_community_need_an_approval() -> None:
    made = definition(group="x.k8s.io")
    made["metadata"]["name"] = "widgets.x.k8s.io"
    assert errors(made) == [
        'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation '
        '"api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'
    ]  # fmt: skip
    made["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, a test"}
    assert errors(made) == []
    made["status"] = {"conditions": []}
    status = approval.condition(made, "2026-01-01T00:00:00Z")
    assert status is not None
    assert [(c["type"], c["status"], c["reason"], c["message"]) for c in status["conditions"]] == [
        ("KubernetesAPIApprovalPolicyConformant", "False", "UnapprovedAnnotation", 'not approved: "unapproved, a test"')
    ]


def test_rules_in_cel_must_compile() -> None:
    rule = {"rule": "self.nope > 1"}
    found = errors(definition(version(openapi=schema({**SPEC, "x-kubernetes-validations": [rule]}))))
    assert len(found) == 1
    assert found[0].startswith(f"{SCHEMA}.properties[spec].x-kubernetes-validations[0].rule: Invalid value: ")
    assert "compilation failed: ERROR: <input>:1:5: undefined field 'nope'" in found[0]
    apart = {"type": "array", "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}
    assert "oldSelf cannot be used on the uncorrelatable portion of the schema within" in of_spec(a=apart)[0]


def test_unknown_formats_are_warned_of_once() -> None:
    made = definition(version(openapi=schema({"type": "object", "properties": {"a": {"type": "string", "format": "mine"}}})))
    assert rules.STRATEGY.warnings(made, None) == ['unrecognized format "mine"']
    assert rules.STRATEGY.warnings(made, made) == []


def test_a_format_counts_for_its_type_only_and_dashes_do_not() -> None:
    def said(type_: str, format_: str) -> list[str]:
        made = definition(version(openapi=schema({"type": "object", "properties": {"a": {"type": type_, "format": format_}}})))
        return rules.STRATEGY.warnings(made, None)

    formats = {"string": ("date-time", "datetime", "k8s-short-name", "byte"), "integer": ("int32",), "number": ("double",)}
    for type_, known in formats.items():
        assert [said(type_, name) for name in known] == [[]] * len(known)
    assert said("string", "int32") == ['unrecognized format "int32"']
    assert said("integer", "date") == ['unrecognized format "date"']
    assert said("boolean", "byte") == ['unrecognized format "byte"']


def taken(**accepted: Any) -> names.Taken:
    return names.taken([{"status": {"acceptedNames": accepted}}])


def test_names_that_another_definition_has_are_not_accepted() -> None:
    made = {**definition(), "status": {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}}}
    status = names.accept(made, taken(plural="gadgets", kind="Widget", shortNames=["wi"]), "2026-01-01T00:00:00Z")
    assert status is not None
    assert [(c["type"], c["status"], c["reason"], c["message"]) for c in status["conditions"]] == [
        ("NamesAccepted", "False", "KindConflict", '"Widget" is already in use'),
        ("Established", "False", "NotAccepted", "not all names are accepted"),
    ]
    assert status["acceptedNames"] == {"plural": "widgets", "singular": "widget", "kind": "", "listKind": "WidgetList"}


def test_names_once_free_are_accepted_and_then_established() -> None:
    made: Obj = {**definition(), "status": {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}}}
    status = names.accept(made, taken(), "2026-01-01T00:00:00Z")
    assert status is not None
    made = {**made, "status": status}
    assert names.accept(made, taken(), "2026-01-01T00:00:05Z") is None
    done = names.establish(made, "2026-01-01T00:00:06Z")
    assert done is not None
    assert done["conditions"][1] == {
        "type": "Established",
        "status": "True",
        "lastTransitionTime": "2026-01-01T00:00:06Z",
        "reason": "InitialNamesAccepted",
        "message": "the initial names have been accepted",
    }
    assert names.establish({**made, "status": done}, "2026-01-01T00:00:07Z") is None


def test_what_all_versions_say_alike_is_looked_at_once_above_them() -> None:
    same, other = {"type": "string"}, {"type": "object", "properties": {"a": {}}}
    one, two = version("v1", same, subresources={}), version("v2", same, storage=False, subresources={})
    assert [e.partition(":")[0] for e in errors(definition(one, two))] == ["spec.validation.openAPIV3Schema.type"]
    two = version("v2", other, storage=False, subresources={})
    assert [e.partition(":")[0] for e in errors(definition(one, two))] == [
        "spec.versions[0].schema.openAPIV3Schema.type",
        "spec.versions[1].schema.openAPIV3Schema.properties[a].type",
    ]


def test_versions_are_shown_with_the_names_of_the_reference() -> None:
    first, *_ = errors(definition(version("v1", schema(), storage=False)))
    held = '{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,'
    held += '"AdditionalPrinterColumns":null,"SelectableFields":null}'
    assert first == f"spec.versions: Invalid value: [{held}]: must have exactly one version marked as storage version"
