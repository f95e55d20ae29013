"""Recorded calls whose answer the server alone decides, played over loopback HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.http_server import HEADERS, Player, recorded, world

#: what the build says about itself differs; so do the hashes of documents
_BUILD = ("gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
_DIFFERS = {"discovery/openapi-v3"}
_DECIDED = {
    "lists": ("limit-bad", "labels-bad", "field-unsupported", "page-bad", "page-with-version", "version-future", "version-bad",
              "match-without-version", "match-exact-zero", "watch-initial-no-match", "watch-bad-version", "watch-future", "labels-both",
              "watch-old-path", "watch-table", "watch-partial", "watch-from", "watch-selector", "watch-initial-events"),
    "updates": ("post-to-name", "put-to-list", "patch-to-list", "delete-version", "patch-json-type", "patch-text", "post-text",
                "accept-html", "accept-any", "accept-bad-as", "pretty", "delete", "gone", "dryrun-delete", "get-missing"),
    "deletes": ("bad-options", "policy-nosuch", "policy-query", "grace-negative", "collection", "collection-none", "delete-held"),
    "validation": ("dryrun-nosuch", "field-validation-nosuch", "wrong-version", "namespace-missing"),
    "tables": ("table-one", "table-none", "table-object", "table-missing", "table-empty", "partial-one", "partial-list",
               "partial-as-list-of-one", "table-services", "table-secrets", "table-events"),
}  # fmt: skip


def _play(group: str) -> dict[str, tuple[Any, Any, dict[str, Any]]]:
    async def inside() -> dict[str, tuple[Any, Any, dict[str, Any]]]:
        async with world() as made:
            player = Player(made)
            return {case["id"].partition("/")[2]: (*await player.play(case), case["response"]) for case in recorded(group)}

    return asyncio.run(inside())


@pytest.fixture(scope="module")
def played() -> dict[str, dict[str, tuple[Any, Any, dict[str, Any]]]]:
    return {}


def _check(answer: Any, value: Any, expected: dict[str, Any]) -> None:
    assert answer.status == expected["status"]
    assert {h: answer.headers.get(h) for h in HEADERS} == {h: expected["headers"].get(h) for h in HEADERS}
    assert ("Audit-Id" in answer.headers) == ("Audit-Id" in expected["headers"])
    assert _plain(value) == _plain(expected.get("body", ""))


def _plain(value: Any) -> Any:
    """Without what other parts of a cluster write: ownership of objects that controllers made, and the numbers of versions."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k not in (*_BUILD, "managedFields", "resourceVersion", "annotations")}
    return [_plain(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", [c["id"] for c in recorded("discovery") if c["id"] not in _DIFFERS])
def test_discovery_is_as_recorded(case: str, played: dict[str, Any]) -> None:
    calls = played.setdefault("discovery", None) or played.update(discovery=_play("discovery")) or played["discovery"]
    _check(*calls[case.partition("/")[2]])


@pytest.mark.parametrize(("group", "case"), [(g, c) for g, cases in _DECIDED.items() for c in cases])
def test_answers_of_the_server_are_as_recorded(group: str, case: str, played: dict[str, Any]) -> None:
    if group not in played:
        played[group] = _play(group)
    _check(*played[group][case])
