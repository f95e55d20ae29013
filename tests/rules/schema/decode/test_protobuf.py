"""Protobuf bodies give the objects that the same client would have sent as JSON; malformed ones are refused."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.schema.decode.protobuf_encoder import SCALARS, SCHEMA, body, delimited, draw, encode, facts, varint
from wherry.api import schema_data
from wherry.api.errors import BadRequest, UnsupportedMediaType
from wherry.api.resources import BUILT_IN, SUBRESOURCE_KINDS, TABLE, Resource, resource
from wherry.rules.schema.decode import Decoded, decode, decode_into, decode_options, protobuf, protobuf_fields

PROTOBUF = "application/vnd.kubernetes.protobuf"
CAPTURED: dict[str, Any] = json.loads((Path(__file__).parents[3] / "golden" / "protobuf" / "kubectl.json").read_bytes())
BODIES = [base64.b64decode(one["protobuf"]) for one in CAPTURED.values()]
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
SUBRESOURCES = {(f"{g}/{v}" if g else v, k): f"io.k8s.api.{g.split('.')[0] or 'core'}.{v}.{k}" for g, v, k in SUBRESOURCE_KINDS.values()}
POD, CONFIG_MAP = resource("pods"), resource("configmaps")


def decoded(api_version: str, kind: str, content: bytes, media_type: str) -> Decoded:
    row = TABLE.by_kind(api_version, kind)
    schema = row.schema if row else SUBRESOURCES[api_version, kind]
    return decode_into(schema, api_version, kind, (content, media_type), "Strict")


def refusal(content: bytes, row: Resource = CONFIG_MAP) -> str:
    with pytest.raises(BadRequest) as caught:
        decode(row, (content, PROTOBUF))
    return caught.value.message


# what kubectl sends


@pytest.mark.parametrize("name", CAPTURED)
def test_kubectl_means_the_same_in_protobuf_and_json(name: str) -> None:
    expected = CAPTURED[name]["json"]
    where = expected["apiVersion"], expected["kind"]
    from_json = decoded(*where, json.dumps(expected).encode(), "application/json")
    assert decoded(*where, base64.b64decode(CAPTURED[name]["protobuf"]), PROTOBUF) == from_json


def test_binary_secrets_are_base64() -> None:
    content = base64.b64decode(CAPTURED["secret-generic"]["protobuf"])
    data = decode(resource("secrets"), (content, PROTOBUF)).obj["data"]
    assert base64.b64decode(data["f.bin"]) == bytes(range(256))


# the facts


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda r: f"{r.api_version}-{r.kind}")
def test_every_served_kind_has_a_message(row: Resource) -> None:
    assert protobuf.has(row.schema)


@pytest.mark.parametrize("message", schema_data.protobuf_names())
def test_fields_are_those_of_the_schema(message: str) -> None:
    for _, _, _, type_ in facts(message):
        assert protobuf_fields._type(type_).wire in (0, 1, 2)
    if schema_data.has(message):
        properties = set(schema_data.definition(message).get("properties", {}))
        assert _names(message) == properties - {"apiVersion", "kind"} | _names(message) & {"apiVersion", "kind"}


def _names(message: str) -> set[str]:
    return {name for _, key, _, type_ in facts(message) for name in ([key] if key else _names(type_))}


def test_scalar_types_are_those_of_the_schema() -> None:
    formats = {"string": ("string", ""), "bytes": ("string", "byte"), "bool": ("boolean", ""), "double": ("number", "double"),
               "int32": ("integer", "int32"), "int64": ("integer", "int64")}  # fmt: skip
    for message in filter(schema_data.has, schema_data.protobuf_names()):
        properties = schema_data.definition(message).get("properties", {})
        for _, key, prefix, type_ in facts(message):
            if type_ in SCALARS and key in properties:
                told = properties[key]
                told = told["items"] if prefix == "[]" else told["additionalProperties"] if prefix else told
                kinds = told["type"] if isinstance(told["type"], list) else [told["type"]]
                assert formats[type_][0] in kinds, (message, key)
                assert formats[type_][1] == told.get("format", ""), (message, key)


# round trips


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda r: f"{r.api_version}-{r.kind}")
def test_any_object_comes_back(row: Resource) -> None:
    for seed in range(3):
        obj = draw(random.Random(seed), row.schema)
        assert protobuf.message(row.schema, encode(row.schema, obj)) == obj


@pytest.mark.parametrize("plural", ["pods", "deployments"])
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_workloads_decode_as_their_json(plural: str, seed: int) -> None:
    row = resource(plural, "apps" if plural == "deployments" else "")
    obj = draw(random.Random(seed), row.schema)
    from_protobuf = decode(row, (body(row.api_version, row.kind, encode(row.schema, obj)), PROTOBUF), "Strict")
    assert from_protobuf == decode(row, (json.dumps(obj).encode(), "application/json"), "Strict")


@pytest.mark.parametrize("schema", [*SUBRESOURCES.values(), META + "DeleteOptions", META + "Status"])
def test_objects_of_subresources_come_back(schema: str) -> None:
    for seed in range(20):
        obj = draw(random.Random(seed), schema)
        assert protobuf.message(schema, encode(schema, obj)) == obj


def test_delete_options_may_come_in_any_group() -> None:
    raw = encode(META + "DeleteOptions", {"gracePeriodSeconds": 0, "propagationPolicy": "Foreground", "preconditions": {"uid": "u"}})
    expected = {"gracePeriodSeconds": 0, "propagationPolicy": "Foreground", "preconditions": {"uid": "u"}}
    for api_version in ("v1", "apps/v1", ""):
        assert decode_options((body(api_version, "DeleteOptions", raw), PROTOBUF)) == expected


# the format


def test_unknown_fields_are_stepped_over() -> None:
    group = varint(103 << 3 | 3) + varint(1 << 3) + b"\x01" + varint(103 << 3 | 4)
    numbers = varint(100 << 3) + varint(2**64 - 1) + varint(101 << 3 | 1) + b"12345678" + varint(104 << 3 | 5) + b"1234"
    unknown = numbers + delimited(102, b"x") + group
    raw = unknown + encode(CONFIG_MAP.schema, {"data": {"a": "b"}}) + unknown
    assert protobuf.message(CONFIG_MAP.schema, raw) == {"data": {"a": "b"}}


def test_numbers_in_lists_may_be_packed() -> None:
    groups = delimited(4, varint(5) + varint(-6) + varint(7)) + varint(4 << 3) + varint(8)
    name = "io.k8s.api.core.v1.PodSecurityContext"
    assert protobuf.message(name, groups) == {"supplementalGroups": [5, -6, 7, 8]}


def test_parts_of_a_message_are_merged() -> None:
    first, second = ({"metadata": {"name": "a", "labels": {"x": "1"}}}, {"metadata": {"name": "b", "labels": {"y": "2"}}})
    raw = encode(POD.schema, first) + encode(POD.schema, second)
    assert protobuf.message(POD.schema, raw) == {"metadata": {"name": "b", "labels": {"x": "1", "y": "2"}}}


def test_entries_of_maps_may_lack_their_value() -> None:
    limits = delimited(1, delimited(1, b"cpu"))
    assert protobuf.message("io.k8s.api.core.v1.ResourceRequirements", limits) == {"limits": {"cpu": "0"}}
    assert protobuf.message(CONFIG_MAP.schema, delimited(2, b"")) == {"data": {"": ""}}


def test_a_body_without_a_kind_is_what_the_path_takes() -> None:
    raw = encode(CONFIG_MAP.schema, {"data": {"a": "b"}})
    assert decode(CONFIG_MAP, (b"k8s\x00" + delimited(2, raw), PROTOBUF)).obj["kind"] == "ConfigMap"


# refusals


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty data (<empty>)"),
        (b"k8s\x00", "empty body (6b387300)"),
        (b'{"a":1}', 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({"a":1})'),
        (b"k8s\x00\x0a", "unexpected EOF (6b3873000a)"),
        (b"k8s\x00\x08\x01", "proto: wrong wireType = 0 for field TypeMeta (6b3873000801)"),
    ],
)
def test_no_envelope(content: bytes, message: str) -> None:
    assert refusal(content) == f"the object provided is unrecognized (must be of type ConfigMap): {message}"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\x0a\x05abc", "unexpected EOF"),
        (b"\x0a" + b"\xff" * 10, "proto: integer overflow"),
        (b"\x0a" + varint(-1), "proto: negative length found during unmarshaling"),
        (b"\x08\x01", "proto: wrong wireType = 0 for field Metadata"),
        (b"\x0c", "proto: ConfigMap: wiretype end group for non-group"),
        (b"\x00", "proto: ConfigMap: illegal tag 0 (wire type 0)"),
        (varint(100 << 3 | 7), "proto: illegal wireType 7"),
    ],
)
def test_malformed_messages(raw: bytes, message: str) -> None:
    assert refusal(body("v1", "ConfigMap", raw)) == f'ConfigMap in version "v1" cannot be handled as a ConfigMap: {message}'


def test_other_kinds_are_refused_before_they_are_read() -> None:
    message = 'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion'
    assert refusal(body("v1", "Pod", b"\xff")) == message


def test_malformed_quantities_and_raw_values_are_refused() -> None:
    claim = encode(POD.schema, {"spec": {"overhead": {"cpu": "much"}}})
    assert "quantities must match the regular expression" in refusal(body("v1", "Pod", claim), POD)
    row = resource("controllerrevisions", "apps")
    text = refusal(body("apps/v1", "ControllerRevision", delimited(2, delimited(1, b"{"))), row)
    assert text.endswith("json: error calling MarshalJSON for type runtime.RawExtension: unexpected end of JSON input")


def test_kinds_without_a_message_take_json_and_yaml() -> None:
    widget = Resource("example.com", "v1", "Widget", "widgets", schema=META + "APIGroup")
    with pytest.raises(UnsupportedMediaType, match=r"accepted media types include: application/json, application/yaml$"):
        decode(widget, (body("example.com/v1", "Widget", b""), PROTOBUF))


def test_endless_nesting_is_refused() -> None:
    number = next(number for number, key, _, _ in facts(SCHEMA) if key == "not")
    raw = b""
    for _ in range(3000):
        raw = delimited(number, raw)
    crd = resource("customresourcedefinitions", "apiextensions.k8s.io")
    version = delimited(4, delimited(1, raw))
    assert refusal(body(crd.api_version, crd.kind, delimited(2, delimited(7, version))), crd).endswith("exceeded max depth")


def _attempt(content: bytes) -> None:
    for row in (POD, resource("deployments", "apps"), CONFIG_MAP):
        try:
            decode(row, (content, PROTOBUF), "Strict")
        except BadRequest:
            continue


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for row in (POD, CONFIG_MAP, resource("customresourcedefinitions", "apiextensions.k8s.io")):
        try:
            decode(row, (body(row.api_version, row.kind, raw), PROTOBUF))
        except BadRequest:
            continue
    _attempt(raw)
    _attempt(protobuf.MAGIC + raw)


@given(st.sampled_from(BODIES), st.integers(4, 400), st.binary(min_size=0, max_size=3), st.integers(0, 3))
def test_damaged_bodies_are_read_or_refused(content: bytes, at: int, patch: bytes, cut: int) -> None:
    at %= len(content)
    _attempt(content[:at] + patch + content[at + cut :])
    _attempt(content[:at])


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(0, 10_000), st.integers(0, 255))
def test_damaged_objects_are_read_or_refused(seed: int, at: int, byte: int) -> None:
    raw = encode(POD.schema, draw(random.Random(seed), POD.schema))
    at %= max(len(raw), 1)
    _attempt(body("v1", "Pod", raw[:at] + bytes([byte]) + raw[at + 1 :]))
