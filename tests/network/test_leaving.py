"""A pod is told to end when those who lead traffic to it have stopped, and also when one of them cannot."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from wherry.network import leaving
from wherry.network.leaving import Leaving

POD: Any = {"metadata": {"name": "p", "namespace": "d"}}


async def told(*ways: Any) -> list[str]:
    """What happens, in order."""
    found, over = Leaving(), asyncio.Event()
    happened: list[str] = []
    for way in ways:
        found.add(lambda pod, way=way: way(happened))
    found.drain(POD, lambda: (happened.append("told"), over.set()))  # type: ignore[func-returns-value, arg-type, return-value]
    await asyncio.wait_for(over.wait(), 10)
    return happened


async def slow(happened: list[str]) -> None:
    await asyncio.sleep(0.01)
    happened.append("out of the rules")


async def failing(happened: list[str]) -> None:
    raise RuntimeError("no rules")


async def hanging(happened: list[str]) -> None:
    await asyncio.Event().wait()


def test_all_are_waited_for() -> None:
    assert asyncio.run(told(slow, slow)) == ["out of the rules", "out of the rules", "told"]
    assert asyncio.run(told()) == ["told"]


def test_one_that_fails_is_told_of_and_keeps_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert asyncio.run(told(failing, slow))[-1] == "told"
    assert "pod d/p ends while traffic may still be led to it" in caplog.text


def test_one_that_hangs_keeps_a_pod_for_a_moment(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(leaving, "PATIENCE", 0.05)
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(told(hanging)) == ["told"]
    assert "did not change within 0.05 s" in caplog.text
