"""Formats of names, and metadata of new and changed objects: the messages of the reference, at their limits."""

from __future__ import annotations

import pytest

from wherry.api.objects import Obj
from wherry.rules.objects import names
from wherry.rules.objects.addresses import cidr, cidr_warnings, ip, ip_warnings, legacy_cidr, legacy_ip
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.validation.labels import label_selector
from wherry.rules.schema.validation.metadata import validate_metadata, validate_metadata_update
from wherry.rules.schema.validation.write import update_errors


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (names.dns1123_label, ["a", "1", "a-1", "a" * 63]),
        (names.dns1123_subdomain, ["a", "a.b-c.1", "a" * 253]),
        (names.dns1035_label, ["a", "a-1"]),
        (names.wildcard_dns1123_subdomain, ["*.example.com"]),
        (names.qualified_name, ["a", "A_b.c", "example.com/a", "a" * 63, "a" * 253 + "/" + "b" * 63]),
        (names.label_value, ["", "A_b.c", "1" * 63]),
        (names.env_var_name, ["A", "1a", "a b", "a.b"]),
        (names.strict_env_var_name, ["A", "_a.b-c"]),
        (names.config_map_key, ["a", ".a", "A_b-c.d", "a..b"]),
        (names.port_name, ["a", "http-1", "1a"]),
        (names.path_segment_name, ["a", "A:b", "..a"]),
        (names.c_identifier, ["_a1"]),
        (names.percent, ["0%", "150%"]),
        (names.http_header_name, ["X-A"]),
    ],
)
def test_good_values_have_no_messages(rule: names.NameRule, good: list[str]) -> None:
    assert {value: rule(value) for value in good} == {value: [] for value in good}


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        (names.dns1123_label, "a.b", "must not contain dots"),
        (names.dns1123_label, "a" * 64, "must be no more than 63 characters"),
        (names.dns1123_subdomain, "é" * 127, "must be no more than 253 characters"),
        (names.qualified_name, "/a", "prefix part must be non-empty"),
        (names.qualified_name, "a/", "name part must be non-empty"),
        (names.qualified_name, "a" * 64, "name part must be no more than 63 bytes"),
        (names.label_value, "a" * 64, "must be no more than 63 bytes"),
        (names.env_var_name, "a=b", "a valid environment variable name must consist only of printable ASCII characters other than '='"),
        (names.env_var_name, "", "environment variable name must be non-empty"),
        (names.config_map_key, "..", "must not be '..'"),
        (names.config_map_key, "..a", "must not start with '..'"),
        (names.port_name, "1", "must contain at least one letter (a-z)"),
        (names.port_name, "a--b", "must not contain consecutive hyphens"),
        (names.port_name, "-a", "must not begin or end with a hyphen"),
        (names.path_segment_name, "..", "may not be '..'"),
        (names.path_segment_name, "a/b", "may not contain '/'"),
    ],
)
def test_bad_values_say_why(rule: names.NameRule, value: str, message: str) -> None:
    assert rule(value)[0] == message


def test_a_trailing_newline_is_not_part_of_a_name() -> None:
    assert names.dns1123_label("a\n")
    assert names.label_value("a\n")


@pytest.mark.parametrize(
    ("value", "lenient", "strict"),
    [
        ("10.0.0.1", 0, 0),
        ("010.000.000.001", 1, 1),
        ("::ffff:1.2.3.4", 1, 1),
        ("2001:DB8::1", 0, 1),
        ("1.2.3", 1, 1),
        ("fe80::1%eth0", 1, 1),
    ],
)
def test_old_fields_take_addresses_that_new_ones_do_not(value: str, lenient: int, strict: int) -> None:
    assert (len(legacy_ip(value)), len(ip(value))) == (lenient, strict)


def test_odd_addresses_are_warned_of() -> None:
    assert ip_warnings("p", "010.0.0.1") == ['p: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"']
    assert ip_warnings("p", "2001:DB8::1") == ['p: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")']
    ambiguous = 'p: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)'
    assert cidr_warnings("p", "10.0.0.1/8") == [ambiguous]
    assert legacy_cidr("10.0.0.1/8") == ["must not have bits set beyond the prefix length"]
    assert cidr("10.0.0.1/8") == ["must not have bits set beyond the prefix length"]


def meta(**fields: object) -> Obj:
    return {"metadata": {"name": "a", "namespace": "n", **fields}}


def texts(obj: Obj, **options: object) -> list[str]:
    errors = validate_metadata(obj, **{"namespaced": True, "name_rule": "subdomain", **options})  # type: ignore[arg-type]
    return [f"{e.field}: {e.message}" for e in errors]


def test_a_generated_name_may_end_its_prefix_with_a_dash() -> None:
    assert texts(meta(generateName="web-")) == []
    assert texts(meta(generateName="Web-"))[0].startswith('metadata.generateName: Invalid value: "Web-"')


def test_a_namespace_is_there_exactly_when_the_kind_has_one() -> None:
    assert texts({"metadata": {"name": "a"}}) == ["metadata.namespace: Required value"]
    assert texts(meta(), namespaced=False) == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_annotations_have_a_total_size() -> None:
    assert texts(meta(annotations={"Example.com/A": "v" * (256 * 1024 - 13)})) == []
    long = texts(meta(annotations={"a": "v" * 256 * 1024}))
    assert long == ["metadata.annotations: Too long: may not be more than 262144 bytes"]


def test_finalizers_are_qualified_and_do_not_contradict() -> None:
    assert texts(meta(finalizers=["example.com/a", "foregroundDeletion"])) == []
    odd = "name is neither a standard finalizer name nor is it fully qualified"
    assert texts(meta(finalizers=["mine"])) == [f'metadata.finalizers[0]: Invalid value: "mine": {odd}']
    assert texts(meta(finalizers=["mine"]), kube_finalizers=False) == []
    both = texts(meta(finalizers=["orphan", "foregroundDeletion"]))
    assert both[0].endswith("finalizer orphan and foregroundDeletion cannot be both set")


def test_an_object_has_one_controller() -> None:
    ref = {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1", "controller": True}
    assert texts(meta(ownerReferences=[ref])) == []
    two = texts(meta(ownerReferences=[ref, {**ref, "name": "b"}]))
    assert two[0].endswith('Only one reference can have Controller set to true. Found "true" in references for A/a and A/b')
    assert '[{"apiVersion":"v1","kind":"A","name":"a","uid":"1","controller":true},' in two[0]


def test_an_event_owns_nothing() -> None:
    ref = {"apiVersion": "v1", "kind": "Event", "name": "a", "uid": "1"}
    assert texts(meta(ownerReferences=[ref]))[0].endswith("/v1, Kind=Event is disallowed from being an owner")


def test_identity_does_not_change() -> None:
    old = meta(resourceVersion="1", uid="u", creationTimestamp="t")
    new = meta(resourceVersion="1", uid="v", creationTimestamp="t")
    assert [e.field for e in validate_metadata_update(new, old)] == ["metadata.uid"]
    assert [e.field for e in validate_metadata_update(meta(uid="u", creationTimestamp="t"), old)] == ["metadata.resourceVersion"]


def test_a_finalizer_may_go_while_deleting() -> None:
    old = meta(resourceVersion="1", deletionTimestamp="t", finalizers=["a.b/c", "a.b/d"])
    assert validate_metadata_update(meta(resourceVersion="1", deletionTimestamp="t", finalizers=["a.b/d"]), old) == []


def test_a_bad_label_in_an_update_is_a_cause_each_time_the_reference_looks() -> None:
    new = meta(resourceVersion="1", labels={"a": "-"})
    errors = update_errors(Strategy(revalidate="after"), new, meta(resourceVersion="1"), namespaced=True)
    assert [e.field for e in errors] == ["metadata.labels"] * 4


def test_selectors_say_what_their_operator_needs() -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": "In"}, {"key": "b", "operator": "Exists", "values": ["x"]}, {"key": "c"}]}
    assert [(e.field, e.message) for e in label_selector(selector, "s")] == [
        ("s.matchExpressions[0].values", "Required value: must be specified when `operator` is 'In' or 'NotIn'"),
        ("s.matchExpressions[1].values", "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        ("s.matchExpressions[2].operator", 'Invalid value: "": not a valid selector operator'),
    ]
