"""What a structural schema makes of an object: pruned, defaulted, checked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.custom.widgets import SPEC, custom, schema, widget
from wherry.api.errors import BadRequest, Invalid
from wherry.api.objects import Obj
from wherry.rules.custom import decode, defaults, formats, kind, lists, pattern
from wherry.rules.custom.check import Check, causes
from wherry.rules.custom.structural import Structural
from wherry.rules.schema.decode import Parsed, parse


def decoded(obj: Obj, validation: str = "", openapi: Obj | None = None) -> tuple[Obj, list[str]]:
    made = custom(openapi)
    row = kind.rows(made.definition)[0]
    found = decode.decode(row, made.structural, Parsed(obj), validation)
    return found.obj, found.warnings


def faults(openapi: Obj, value: Any, *old: Any) -> list[str]:
    return [f"{c.field}: {c.message}" for c in causes(Check(openapi).run(value, "", *old).faults)]


def test_unknown_fields_are_pruned_and_told() -> None:
    obj, told = decoded(widget(spec={"size": 1, "nope": 1, "ports": [{"port": 1, "x": 2}]}, extra=1))
    assert obj["spec"] == {"size": 1, "ports": [{"port": 1}]}
    assert "extra" not in obj
    assert told == ['unknown field "extra"', 'unknown field "spec.nope"', 'unknown field "spec.ports[0].x"']


def test_strict_validation_refuses_what_would_be_pruned() -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(widget(spec={"nope": 1}), "Strict")
    assert caught.value.message == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.nope"'
    )
    assert decoded(widget(spec={"nope": 1}), "Ignore")[1] == []


def test_preserved_fields_stay_with_all_below() -> None:
    free = {"a": {"b": [1, {"c": None}]}}
    assert decoded(widget(spec={"free": free}))[0]["spec"]["free"] == free


def test_metadata_are_read_as_those_of_every_kind() -> None:
    obj = widget()
    obj["metadata"] = {"name": "w", "nope": 1, "labels": {"a": "b"}}
    assert decoded(obj)[0]["metadata"] == {"name": "w", "labels": {"a": "b"}}
    assert decoded(obj)[1] == ['unknown field "metadata.nope"']
    obj["metadata"] = {"name": "w", "labels": {"a": 1}}
    with pytest.raises(BadRequest, match=r"cannot unmarshal number into Go struct field ObjectMeta.labels of type string"):
        decoded(obj)


def test_embedded_objects_keep_their_head_and_have_metadata() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "nope": 1}, "any": 1}
    obj, told = decoded(widget(spec={"pod": pod}))
    assert obj["spec"]["pod"] == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "any": 1}
    assert told == ['unknown field "spec.pod.metadata.nope"']
    found = custom().strategy.validate(widget(spec={"size": 1, "pod": {"kind": "Pod"}}))
    assert [(c.field, c.message) for c in found] == [("spec.pod.apiVersion", "Required value")]


def test_another_kind_or_version_is_refused() -> None:
    with pytest.raises(Invalid, match=r'Gadget.example.com "w" is invalid: kind: Invalid value: "Gadget": must be Widget'):
        decoded({**widget(), "kind": "Gadget"})
    with pytest.raises(BadRequest, match=r"the API version in the data \(example.com/v9\) does not match the expected API version"):
        decoded(widget(api_version="example.com/v9"))


def test_what_a_body_is_must_be_said() -> None:
    made = custom()
    row = kind.rows(made.definition)[0]
    with pytest.raises(BadRequest) as caught:
        decode.decode(row, made.structural, parse(b'{"apiVersion":"example.com/v1"}'))
    assert caught.value.message == (
        "the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in '{\"apiVersion\":\"example.com/v1\"}' "
        '({"apiVersion":"example.com/v1" ...)'
    )
    with pytest.raises(BadRequest, match=r"the API version in the data \(\) does not match the expected API version \(example.com/v1\)"):
        decode.decode(row, made.structural, parse(b'{"kind":"Widget"}'))
    with pytest.raises(BadRequest, match=r"json: cannot unmarshal string into Go value of type v1.ObjectMeta"):
        decoded({**widget(), "metadata": "x"})


def test_defaults_are_filled_in_where_their_parent_is() -> None:
    made = Structural(schema())
    obj = widget(spec={"ports": [{"port": 1}, {"port": 2, "protocol": "UDP"}]})
    defaults.fill(obj, made)
    assert obj["spec"] == {"size": 2, "ports": [{"port": 1, "protocol": "TCP"}, {"port": 2, "protocol": "UDP"}]}
    bare: Obj = {"metadata": {}}
    defaults.fill(bare, made)
    assert "spec" not in bare


def test_a_null_makes_way_for_the_default_and_else_goes() -> None:
    obj, _ = decoded(widget(spec={"size": None, "color": None}))
    assert obj["spec"] == {"size": None}
    defaults.fill(obj, Structural(schema()))
    assert obj["spec"] == {"size": 2}
    nullable = schema({"type": "object", "properties": {"a": {"type": "string", "nullable": True}}})
    assert decoded(widget(spec={"a": None}), openapi=nullable)[0]["spec"] == {"a": None}


@pytest.mark.parametrize(
    ("openapi", "value", "expected"),
    [
        ({"type": "integer"}, "x", 'Invalid value: "string": f in body must be of type integer: "string"'),
        ({"type": "integer"}, 1.5, 'Invalid value: "number": f in body must be of type integer: "number"'),
        ({"type": "string"}, None, 'Invalid value: "null": f in body must be of type string: "null"'),
        ({"x-kubernetes-int-or-string": True}, True, 'Invalid value: "boolean": f in body must be of type integer,string: "boolean"'),
        ({"type": "integer", "maximum": 3}, 5, "Invalid value: 5: f in body should be less than or equal to 3"),
        (
            {"type": "integer", "minimum": 3, "exclusiveMinimum": True}, 3,
            "Invalid value: 3: f in body should be greater than 3",
        ),
        ({"type": "number", "multipleOf": 0.5}, 1.3, "Invalid value: 1.3: f in body should be a multiple of 0.5"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "A", "Invalid value: \"A\": f in body should match '^[a-z]+$'"),
        ({"type": "string", "minLength": 2}, "a", 'Invalid value: "a": f in body should be at least 2 chars long'),
        ({"type": "string", "maxLength": 2}, "abc", "Too long: may not be more than 2 bytes"),
        ({"type": "string", "enum": ["a", "b"]}, "c", 'Unsupported value: "c": supported values: "a", "b"'),
        ({"type": "string", "format": "ipv4"}, "x", 'Invalid value: "x": f in body must be of type ipv4: "x"'),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, [], "Invalid value: 0: f in body should have at least 1 items"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["a", "b"], "Too many: 2: must have at most 1 items"),
        ({"type": "object", "minProperties": 1}, {}, "Invalid value: 0: f in body should have at least 1 properties"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_in_the_words_of_the_reference(openapi: Obj, value: Any, expected: str) -> None:
    assert faults({"type": "object", "properties": {"f": openapi}}, {"f": value}) == [f"f: {expected}"]


def test_what_is_required_is_told_at_its_own_place() -> None:
    openapi = {"type": "object", "required": ["a"], "properties": {"l": {"type": "array", "items": {"type": "object", "required": ["b"]}}}}
    assert sorted(faults(openapi, {"l": [{}]})) == ["a: Required value", "l[0].b: Required value"]


def test_junctors_are_told_with_the_best_of_their_failures() -> None:
    openapi = {"type": "object", "properties": {"f": {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}}}
    assert faults(openapi, {"f": {"a": 1, "b": 1}}) == [
        '<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found 2 valid alternatives'
    ]
    assert faults(openapi, {"f": {}})[0] == (
        '<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found none valid'
    )
    never = {"type": "object", "properties": {"f": {"type": "string", "not": {"enum": ["x"]}}}}
    assert faults(never, {"f": "x"}) == ['<nil>: Invalid value: "": "f" must not validate the schema (not)']


def test_what_was_wrong_before_may_stay_wrong() -> None:
    openapi = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 1}, "b": {"type": "integer", "maximum": 1}}}
    assert faults(openapi, {"a": "long", "b": 1}, {"a": "long", "b": 0}) == []
    assert faults(openapi, {"a": "long", "b": 2}, {"a": "long", "b": 0}) == [
        "b: Invalid value: 2: b in body should be less than or equal to 1"
    ]


def test_sets_and_maps_hold_nothing_twice() -> None:
    made = Structural(SPEC)
    found = lists.errors({"tags": ["a", "b", "a"], "ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}]}, made)
    assert [(c.field, c.message) for c in found] == [("tags[2]", 'Duplicate value: "a"'), ("ports[1]", 'Duplicate value: {"port":1}')]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2026-01-02T03:04:05Z", "yesterday"),
        ("date", "2026-01-02", "2026-13-02"),
        ("duration", "1h 5m", "soon"),
        ("uri", "https://example.com/x", "::"),
        ("hostname", "a.example.com", "a b"),
        ("ipv6", "::1", "127.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("uuid4", "8f3c6d5e-6b1a-4c1d-9f5e-0a1b2c3d4e5f", "8f3c6d5e-6b1a-1c1d-9f5e-0a1b2c3d4e5f"),
        ("byte", "aGk=", "%%"),
        ("k8s-short-name", "a-b", "a.-"),
        ("isbn10", "0306406152", "0306406153"),
        ("creditcard", "4111111111111111", "4111111111111112"),
    ],
)
def test_formats(name: str, good: str, bad: str) -> None:
    assert formats.FORMATS[name](good)
    assert not formats.FORMATS[name](bad)


def test_patterns_mean_what_they_mean_in_go() -> None:
    assert pattern.matches(r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$", "* * * * */5")
    assert not pattern.matches("^[[:alpha:]]+$", "ab\n")
    with pytest.raises(ValueError, match=r"missing argument to repetition operator: `\+`"):
        pattern.compiled("+")


def test_the_paths_of_the_scale_must_hold_numbers() -> None:
    found = custom().strategy.validate(widget(spec={"size": -1}))
    assert ".spec.size: should be a non-negative integer" in [
        f"{c.field}: {c.message.partition(': ')[2].partition(': ')[2]}" for c in found
    ]


def test_a_finalizer_without_a_domain_is_warned_of() -> None:
    obj = widget()
    obj["metadata"]["finalizers"] = ["mine", "example.com"]
    assert custom().strategy.warnings(obj, None) == [
        'metadata.finalizers: "example.com": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts '
        "with other finalizer writers",
        'metadata.finalizers: "mine": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers',
    ]


def test_a_deprecated_version_says_what_to_use() -> None:
    from tests.rules.custom.widgets import definition, version

    made = definition(version("v1beta1", deprecated=True, storage=False), version("v1"))
    made["status"] = {"acceptedNames": made["spec"]["names"], "conditions": [{"type": "Established", "status": "True"}]}
    old, new = (kind.of(row) for row in kind.rows(made))
    assert old is not None
    assert new is not None
    assert old.warnings == ("example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget",)
    assert new.warnings == ()
