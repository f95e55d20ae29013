"""Decoding against recordings of the reference: refusals word by word, warnings, and stored objects that must come back unchanged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wherry.api.errors import BadRequest, StatusError
from wherry.api.resources import TABLE, Resource
from wherry.rules.schema.decode import decode, decode_options, normalise

GOLDEN = Path(__file__).parents[3] / "golden" / "api"
#: refusals that are decided after decoding
LATER = {"validation/namespace-mismatch"}
#: what defaulting and preparation change of a request, seen in the answers
FILLED_IN = {"targetPort", "storedVersions", "stringData"}


def _cases(*groups: str) -> Iterator[dict[str, Any]]:
    for group in groups:
        for line in (GOLDEN / f"{group}.jsonl").read_text().splitlines():
            yield json.loads(_with_values(line))


def _with_values(text: str) -> str:
    """Placeholders where a number or a time must stand."""
    text = re.sub(r'"<NODEPORT\d+>"', "30000", text)
    text = re.sub(r'"(eventTime|renewTime|acquireTime)": ?"<TIME>"', r'"\1":"2026-01-02T03:04:05.000006Z"', text)
    return text.replace('"<TIME>"', '"2026-01-02T03:04:05Z"')


def _resource(path: str) -> Resource | None:
    """The row that a POST to this path creates; None for subresources and custom resources."""
    match = re.fullmatch(r"/apis?/(?:([^/]+)/)?(v\d\w*)(?:/namespaces/[^/]+)?/([a-z]+)", path.partition("?")[0])
    return TABLE.by_path(match[1] or "", match[2], match[3]) if match else None


def _posts(*groups: str) -> list[Any]:
    return [
        pytest.param(case, id=case["id"])
        for case in _cases(*groups)
        if case["request"]["method"] == "POST" and _resource(case["request"]["path"]) and case["id"] not in LATER
    ]


def _decode(case: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    request = case["request"]
    body = request["body"]
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    directive = re.search(r"fieldValidation=(\w+)", request["path"])
    resource = _resource(request["path"])
    assert resource is not None
    return decode(resource, (content, request["headers"].get("Content-Type", "")), directive[1] if directive else "")


@pytest.mark.parametrize("case", _posts("validation", "defaults", "updates", "tables"))
def test_body_is_refused_or_taken_as_by_the_reference(case: dict[str, Any]) -> None:
    answer = case["response"]
    if answer["status"] not in (400, 415):
        _decode(case)
        return
    with pytest.raises(StatusError) as caught:
        _decode(case)
    assert caught.value.to_status() == answer["body"]


@pytest.mark.parametrize("case", [p for p in _posts("validation") if "-field-" in p.id or "duplicate-key" in p.id])
def test_warnings_are_those_of_the_reference(case: dict[str, Any]) -> None:
    if case["response"]["status"] == 400:
        return
    sent = case["response"]["headers"].get("Warning", [])
    texts = [json.loads(text.removeprefix("299 - ")) for text in ([sent] if isinstance(sent, str) else sent)]
    assert _decode(case)[1] == texts


@pytest.mark.parametrize("case", _posts("defaults"))
def test_what_decoding_writes_is_in_the_answer(case: dict[str, Any]) -> None:
    _assert_within(_decode(case)[0], case["response"]["body"])


def _assert_within(part: Any, whole: Any) -> None:
    if isinstance(part, dict):
        for key in part.keys() - FILLED_IN:
            _assert_within(part[key], whole[key])
    elif isinstance(part, list):
        assert len(part) == len(whole)
        for one, other in zip(part, whole, strict=True):
            _assert_within(one, other)
    else:
        assert part == whole


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "metadata" in value and TABLE.by_kind(str(value.get("apiVersion")), str(value.get("kind"))):
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def test_every_recorded_object_comes_back_unchanged() -> None:
    found = 0
    for path in sorted(GOLDEN.glob("*.jsonl")):
        for case in _cases(path.stem):
            for obj in _objects(case["response"]["body"]):
                resource = TABLE.by_kind(obj["apiVersion"], obj["kind"])
                assert resource is not None
                assert normalise(resource, obj) == (obj, []), case["id"]
                found += 1
    assert found > 100


def test_delete_options_of_the_recordings() -> None:
    for case in _cases("deletes"):
        request = case["request"]
        if request["method"] != "DELETE" or not request.get("body"):
            continue
        body = (json.dumps(request["body"]).encode(), "application/json")
        if case["response"]["status"] == 400:
            with pytest.raises(BadRequest) as caught:
                decode_options(body)
            assert caught.value.to_status() == case["response"]["body"]
        else:
            assert decode_options(body) == {k: v for k, v in request["body"].items() if k not in ("kind", "apiVersion")}
