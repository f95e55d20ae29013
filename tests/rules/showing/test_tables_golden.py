"""Our tables against the recorded ones: the columns of every recorded kind, and the rows where the objects are recorded too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wherry.api.resources import TABLE
from wherry.rules.showing import tables
from wherry.rules.showing.tables.printers import PRINTERS

GOLDEN = Path(__file__).parents[2] / "golden" / "api" / "tables.jsonl"
NOW = 1_800_000_000.0


def recorded() -> dict[str, dict[str, Any]]:
    found = {}
    for line in GOLDEN.read_text().splitlines():
        call = json.loads(line)
        body = call["response"]["body"]
        if isinstance(body, dict) and body.get("kind") == "Table":
            found[call["id"]] = call
    return found


CALLS = recorded()


def resource_of(path: str) -> Any:
    parts = path.partition("?")[0].strip("/").split("/")
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    plural = rest[2] if rest[0] == "namespaces" and len(rest) > 2 else rest[0]
    return TABLE.by_path(group, version, plural)


@pytest.mark.parametrize("call", [c for c in CALLS if "gadgets" not in c])
def test_columns_are_the_recorded_ones(call: str) -> None:
    resource = resource_of(CALLS[call]["request"]["path"])
    assert resource is not None
    assert tables.columns(resource) == CALLS[call]["response"]["body"]["columnDefinitions"]


@pytest.mark.parametrize("resource", list(TABLE), ids=lambda r: f"{r.group_resource}/{r.version}")
def test_every_kind_makes_a_row_of_a_bare_object(resource: Any) -> None:
    bare = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": "x"}}
    cells, columns = tables.row(resource, bare, NOW), tables.columns(resource)
    assert len(cells) == len(columns) + (resource.kind == "IPAddress")
    assert all(c["description"] or c["name"] == "Handler" for c in columns)


def test_every_printer_belongs_to_a_served_kind() -> None:
    kinds = {r.group_kind for r in TABLE} | {"Scale.autoscaling"}
    assert set(PRINTERS) <= kinds
