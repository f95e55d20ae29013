"""Malformed and ill-typed bodies, in the words of the reference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wherry.api.errors import BadRequest, UnsupportedMediaType
from wherry.api.resources import resource
from wherry.rules.schema.decode import decode, parse
from wherry.rules.texts.json_fault import fault

DEPLOYMENT = resource("deployments", "apps")
CONFIG_MAP = resource("configmaps")


def _fault(body: dict[str, Any]) -> str:
    with pytest.raises(BadRequest) as caught:
        decode(DEPLOYMENT, (json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", **body}).encode(), "application/json"))
    return caught.value.message.removeprefix('Deployment in version "v1" cannot be handled as a Deployment: ')


def _template(**container: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (_template(name=1), "number into Go struct field Container.spec.template.spec.containers.name of type string"),
        (_template(imagePullPolicy=3),
         "number into Go struct field Container.spec.template.spec.containers.imagePullPolicy of type v1.PullPolicy"),
        ({"spec": []}, "array into Go struct field Deployment.spec of type v1.DeploymentSpec"),
        ({"spec": {"template": {"spec": {"containers": {}}}}},
         "object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container"),
        ({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1.5}}}},
         "number 1.5 into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32"),
        ({"metadata": {"creationTimestamp": 5}}, "number into Go struct field ObjectMeta.metadata.creationTimestamp of type string"),
        ({"metadata": {"uid": 5}}, "number into Go struct field ObjectMeta.metadata.uid of type types.UID"),
    ],
)  # fmt: skip
def test_wrong_type_names_the_innermost_struct_and_the_path(body: dict[str, Any], message: str) -> None:
    assert _fault(body) == f"json: cannot unmarshal {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", 'parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006"'),
        ("2026-13-01T00:00:00Z", 'parsing time "2026-13-01T00:00:00Z": month out of range'),
        ("2026-02-30T00:00:00Z", 'parsing time "2026-02-30T00:00:00Z": day out of range'),
        ("2026-01-01 00:00:00Z", 'parsing time "2026-01-01 00:00:00Z" as "2006-01-02T15:04:05Z07:00": cannot parse " 00:00:00Z" as "T"'),
    ],
)
def test_time_is_refused_in_the_words_of_go(text: str, message: str) -> None:
    assert _fault({"metadata": {"creationTimestamp": text}}) == message


def test_malformed_text_wins_over_an_earlier_wrong_type() -> None:
    body = _template(resources={"limits": {"cpu": "1x"}})
    assert _fault({"spec": {"replicas": "three", **body["spec"]}}).startswith("quantities must match")


def test_first_of_two_wrong_types_is_told() -> None:
    assert "DeploymentSpec.spec.replicas" in _fault({"spec": {"replicas": "three", "paused": "yes"}})


@pytest.mark.parametrize(("text", "at"), [("%%%", 0), ("YWI", 0), ("YWJj!", 4), ("YW=x", 2), ("YWI=x", 4)])
def test_base64_fault_says_where(text: str, at: int) -> None:
    with pytest.raises(BadRequest, match=f"illegal base64 data at input byte {at}$"):
        decode(resource("secrets"), {"data": {"a": text}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":tru}', "invalid character '}' in literal true (expecting 'e')"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ("[1 2]", "invalid character '2' after array element"),
        ('{"a":1} x', "invalid character 'x' after top-level value"),
        ('{"a":"\n"}', "invalid character '\\n' in string literal"),
        ('{"a":"\\q"}', "invalid character 'q' in string escape code"),
        ('{"a":01}', "invalid character '1' after object key:value pair"),
        ('{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
        ('{"a":[1,{"b":2}', "unexpected end of JSON input"),
        ('{"a":[1,{"b":2}]}', ""),
    ],
)
def test_json_fault_is_told_in_the_words_of_go(text: str, message: str) -> None:
    assert fault(text.encode()) == message


def test_null_is_an_empty_object() -> None:
    assert decode(CONFIG_MAP, (b"null", "")).obj == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {}}


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert decode(CONFIG_MAP, (b'{"data":{"a":"\xff"}}', "")).obj["data"] == {"a": "\ufffd"}
    lone = rb'{"data":{"a":"\ud800 \ud83d\ude00 \\ud800 \udc00"}}'
    assert decode(CONFIG_MAP, (lone, "")).obj["data"] == {"a": "\ufffd \U0001f600 \\ud800 \ufffd"}


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(BadRequest, match="exceeded max depth"):
        decode(CONFIG_MAP, (b"[" * 100_000 + b"]" * 100_000, ""))


def test_duplicates_and_unknown_fields_are_told_in_the_order_of_the_body() -> None:
    body = b'{"data":{"a":"1","a":"2"},"x":1,"metadata":{"name":"a","name":"b"},"x":2}'
    decoded = decode(CONFIG_MAP, (body, ""))
    assert decoded.warnings == ['duplicate field "data.a"', 'unknown field "x"', 'duplicate field "metadata.name"']
    assert decoded.obj["metadata"] == {"name": "b"}
    assert decode(CONFIG_MAP, (body, ""), "Ignore").warnings == []


@pytest.mark.parametrize("body", [b'{"a" :1,"a":2}', b'{"a":"\\u0022:","a":"x"}', b'{"a":"\\u003a","a":""}', b'{"a":{"b":1,"b":1}}'])
def test_no_duplicate_hides(body: bytes) -> None:
    assert len(parse(body).duplicates) == 1


def test_strict_errors_stop_at_a_hundred() -> None:
    decoded = decode(CONFIG_MAP, (json.dumps({f"x{i}": 1 for i in range(200)}).encode(), ""))
    assert len(decoded.warnings) == 100


@pytest.mark.parametrize(
    ("api_version", "kind", "message"),
    [
        ("apps/v9", "Deployment",
         'Deployment in version "v9" cannot be handled as a Deployment: no kind "Deployment" is registered for version "apps/v9" in scheme '
         '"pkg/api/legacyscheme/scheme.go:30"'),
        ("extensions/v1beta1", "Deployment",
         "the API version in the data (extensions/v1beta1) does not match the expected API version (apps/v1)"),
        ("v1", "ConfigMap",
         'ConfigMap in version "v1" cannot be handled as a Deployment: converting (v1.ConfigMap) to (apps.Deployment): unknown conversion'),
    ],
)  # fmt: skip
def test_other_kinds_are_refused(api_version: str, kind: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode(DEPLOYMENT, {"apiVersion": api_version, "kind": kind})
    assert caught.value.message == message


def test_other_media_types_are_refused() -> None:
    accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    with pytest.raises(UnsupportedMediaType, match=f"unknown format - accepted media types include: {accepted}"):
        parse(b"", "text/plain")


@pytest.mark.parametrize("levels", [600, 5000])
def test_what_is_nested_too_deeply_is_refused(levels: int) -> None:
    crd = resource("customresourcedefinitions", "apiextensions.k8s.io")
    schema = b'{"items":' * levels + b"{}" + b"}" * levels
    with pytest.raises(BadRequest, match="exceeded max depth"):
        decode(crd, (b'{"spec":{"versions":[{"schema":{"openAPIV3Schema":%b}}]}}' % schema, "application/json"))
