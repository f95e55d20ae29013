"""The recordings about pods and templates: what was refused has the recorded causes, what was stored is good."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wherry.api.objects import Obj
from wherry.rules.schema.defaults.pod import default_template_spec
from wherry.rules.schema.validation.pods.pod import validate_again, validate_template

GOLDEN = Path(__file__).parents[4] / "golden"
TEMPLATE = "spec.template"
KINDS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job")
#: causes that the workload's own rules give, beside those of its template
OWN_RULES = re.compile('`selector` does not match|Required value: valid values|supported values: "Always"$').search


def refused() -> list[Any]:
    found = []
    for line in (GOLDEN / "api" / "validation.jsonl").read_text().splitlines():
        case = json.loads(line)
        body = case["request"].get("body")
        if case["response"]["status"] == 422 and isinstance(body, dict) and body.get("kind") in KINDS:
            found.append(pytest.param(case, id=case["id"]))
    return found


@pytest.mark.parametrize("case", refused())
def test_a_template_has_the_recorded_causes(case: Obj) -> None:
    template = copy.deepcopy((case["request"]["body"].get("spec") or {}).get("template") or {})
    default_template_spec(template)
    causes = case["response"]["body"]["details"]["causes"]
    expected = [c for c in causes if c["field"].startswith(TEMPLATE) and not OWN_RULES(c["message"])]
    assert [e.to_json() for e in validate_template(template, TEMPLATE)] == expected


def _specs(value: Any) -> Iterator[tuple[str, Obj]]:
    """Every pod and every template in a recording."""
    if isinstance(value, list):
        for item in value:
            yield from _specs(item)
    elif isinstance(value, dict):
        spec = value.get("spec")
        if isinstance(spec, dict) and isinstance(spec.get("containers"), list) and "dnsPolicy" in spec:
            yield ("pod" if value.get("kind") == "Pod" else "template"), value
        for item in value.values():
            yield from _specs(item)


def stored() -> list[Any]:
    files = sorted((GOLDEN / "api").glob("*.jsonl"))
    return [pytest.param(path, id=path.stem) for path in files]


@pytest.mark.parametrize("path", stored())
def test_what_was_stored_is_good(path: Path) -> None:
    text = re.sub(r"<[A-Z]+[0-9]*>", "x", path.read_text())
    for line in text.splitlines():
        response = json.loads(line)["response"]
        if response["status"] in (200, 201):
            for kind, value in _specs(response.get("body")):
                errors = validate_again(value) if kind == "pod" else validate_template(value, "")
                assert errors == []
