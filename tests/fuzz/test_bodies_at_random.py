"""Objects and patches at random, for every kind: what the server takes it can show, what it refuses it refuses clearly."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.fuzz_world import Attacked, must_answer_clearly
from tests.fuzz.mutations import Request, collection, made_request, recorded_request
from wherry.api.resources import BUILT_IN

TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


def _play(target: Attacked, request: Request) -> None:
    answer = target.send(request.method, request.path, request.body, Content_Type=request.content_type)
    must_answer_clearly(answer, request)


def _everything_can_be_read(target: Attacked) -> None:
    for row in BUILT_IN:
        if "list" in row.verbs:
            for accept in ("application/json", "application/yaml", TABLE):
                answer = target.send("GET", collection(row), Accept=accept)
                assert answer.status == 200, (row.plural, accept, answer.body[:500])


def _some(target: Attacked, seeds: range) -> None:
    for seed in seeds:
        rng = random.Random(seed)
        _play(target, (made_request if seed % 3 == 0 else recorded_request)(rng))
    _everything_can_be_read(target)


def test_a_thousand(target: Attacked) -> None:
    _some(target, range(1000))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(10))
def test_thousands_more(target: Attacked, part: int) -> None:
    _some(target, range(1000 + part * 3000, 1000 + (part + 1) * 3000))
