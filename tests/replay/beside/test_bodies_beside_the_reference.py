"""Bodies that a control plane v1.36.2 answered, played against a registry: the same code, message, warnings and fields.

`answers/*.jsonl` holds a case a line: `kind` ("Job.batch"), `body` (of a create, or of an update when `old` was created before), `code`,
and of the answer what was recorded: `message`, or parts of it (`has`) where the rest is drawn at random or too long to keep; `object`,
paths to values, null for what is not there; `warnings`, all of them. `with` lists objects that are there before.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.options import Target, WriteOptions
from wherry.api.resources import BUILT_IN, Resource
from wherry.client.local import ADMIN
from wherry.kit.virtual import run_virtual
from wherry.registry.registry import Registry
from wherry.registry.results import RawBody, Written
from wherry.store.memory import MemoryStore

NOW = 1_750_000_000.0
ANSWERS = Path(__file__).parent / "answers"
KINDS = {row.group_kind: row for row in BUILT_IN}


def cases() -> list[Any]:
    found = []
    for file in sorted(ANSWERS.glob("*.jsonl")):
        for i, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            case = json.loads(line)
            found.append(pytest.param(case, id=f"{file.stem}-{i}-{case['kind'].partition('.')[0]}"))
    return found


def raw(row: Resource, body: Obj) -> RawBody:
    return RawBody(json.dumps({"apiVersion": row.api_version, "kind": row.kind, **body}).encode(), "application/json")


async def write(case: Obj) -> Written:
    """The write of a case, in a registry of its own with a namespace `n`."""
    row = KINDS[case["kind"]]
    registry = Registry(MemoryStore(now=lambda: NOW), lambda: NOW, random.Random(1))
    await registry.create(Target(KINDS["Namespace"]), raw(KINDS["Namespace"], {"metadata": {"name": "n"}}), WriteOptions(), ADMIN)
    target = Target(row, "n" if row.namespaced else "")
    for other in case.get("with", ()):
        there = KINDS[other["kind"]]
        await registry.create(Target(there, "n" if there.namespaced else ""), raw(there, other["body"]), WriteOptions(), ADMIN)
    if "old" not in case:
        return await registry.create(target, raw(row, case["body"]), WriteOptions(), ADMIN)
    old = (await registry.create(target, raw(row, case["old"]), WriteOptions(), ADMIN)).record.object()
    body = {**old, **case["body"], "metadata": {**old["metadata"], **case["body"].get("metadata", {})}}
    return await registry.update(Target(row, target.namespace, old["metadata"]["name"]), raw(row, body), WriteOptions(), ADMIN)


def at(value: Any, path: str) -> Any:
    for step in path.split("/"):
        value = value[int(step)] if isinstance(value, list) else (value or {}).get(step)
    return value


@pytest.mark.parametrize("case", cases())
def test_a_body_is_answered_as_by_the_reference(case: Obj) -> None:
    async def run() -> tuple[int, str, Obj, list[str]]:
        try:
            written = await write(case)
        except StatusError as error:
            return error.code, error.message, {}, []
        return 200 if "old" in case else 201, "", written.record.object(), list(written.warnings)

    code, message, found, warnings = run_virtual(run(), epoch=NOW)
    assert (code, message) == (case["code"], case.get("message", message)), message
    assert [part for part in case.get("has", ()) if part not in message] == [], message
    wanted = case.get("object", {})
    assert {path: at(found, path) for path in wanted} == wanted
    assert warnings == case.get("warnings", warnings)
