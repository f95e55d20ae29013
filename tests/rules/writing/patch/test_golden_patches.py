"""Every recorded patch is explained: the object before, the patch applied, the object after (or the error)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wherry.api import schema
from wherry.api.errors import StatusError
from wherry.rules.writing import patch

GOLDEN = Path(__file__).parents[3] / "golden" / "api" / "patches.jsonl"
NODE = schema.definition("io.k8s.api.apps.v1.Deployment")
#: what the kind's defaulting adds to an object that a patch made
DEFAULTED = ("resources", "terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy")
#: refused by decoding or validation, after the patch was applied
LATER = {"strategic-wrong-type", "strategic-unknown-strict", "strategic-unknown-field", "merge-invalid", "merge-name", "merge-wrong-type"}


def _steps() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(id, the object before, the recorded call) of every patch."""
    steps, current = [], {}
    for line in GOLDEN.read_text().splitlines():
        call = json.loads(line)
        body = call["response"].get("body") or {}
        if call["request"]["method"] == "PATCH":
            steps.append((call["id"].partition("/")[2], current, call))
        if body.get("kind") == "Deployment" and "dryRun" not in call["request"]["path"]:
            current = body
    return steps


STEPS = _steps()


def _apply(before: dict[str, Any], call: dict[str, Any]) -> Any:
    body = call["request"]["body"]
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    patch_type = call["request"]["headers"]["Content-Type"]
    return patch.apply(patch_type, before, patch.parse_patch(patch_type, content), NODE)


def _plain(obj: dict[str, Any]) -> Any:
    """Spec and labels, without what defaulting adds to a container or strategy."""
    spec = json.loads(json.dumps(obj["spec"]))
    for container in spec["template"]["spec"]["containers"]:
        for name in DEFAULTED:
            container.pop(name, None)
    if spec["strategy"].get("type") == "RollingUpdate":
        spec["strategy"].pop("rollingUpdate", None)
    if not spec.get("paused"):
        spec.pop("paused", None)
    return spec, obj["metadata"].get("labels"), obj["metadata"].get("annotations") or None


@pytest.mark.parametrize(("before", "call"), [pytest.param(b, c, id=i) for i, b, c in STEPS if i not in LATER])
def test_a_recorded_patch_gives_what_was_recorded(before: dict[str, Any], call: dict[str, Any]) -> None:
    frozen = json.dumps(before)
    expected = call["response"]["body"]
    if call["response"]["status"] == 200:
        after = _apply(before, call)
        assert _plain(after) == _plain(expected)
        assert json.dumps([_order(after)]) == json.dumps([_order(expected)])
    else:
        with pytest.raises(StatusError) as caught:
            _apply(before, call)
        assert caught.value.to_status() == expected
    assert json.dumps(before) == frozen


def _order(obj: dict[str, Any]) -> list[str]:
    return [c["name"] for c in obj["spec"]["template"]["spec"]["containers"]]


def test_what_does_not_decode_is_answered_with_the_patch_or_the_object() -> None:
    for id_, before, call in STEPS:
        if id_ not in ("strategic-wrong-type", "strategic-unknown-strict"):
            continue
        expected = call["response"]["body"]
        patched = _apply(before, call)
        why = expected["message"].partition(": patch: Invalid value: ")[2].partition('": ')[2]
        made = patch.undecodable(call["request"]["headers"]["Content-Type"], call["request"]["body"], patched, why)
        assert made.to_status() == expected


def test_a_merge_patch_that_does_not_decode_shows_the_patched_object() -> None:
    _, before, call = next(s for s in STEPS if s[0] == "merge-wrong-type")
    made = patch.undecodable("application/merge-patch+json", {}, _apply(before, call), "why")
    assert made.message.startswith(' "" is invalid: patch: Invalid value: "{')
    assert made.message.endswith('}": why')


def test_an_unchanged_object_is_returned_itself() -> None:
    _, before, call = next(s for s in STEPS if s[0] == "strategic-no-change")
    assert _apply(before, call) is before
