"""The bounds of history: bytes and age, and what is held in memory."""

from __future__ import annotations

import asyncio

import pytest

from tests.store.support import value
from wherry.store.history import OVERHEAD, WARM, Bounds
from wherry.store.memory import MemoryStore


def test_history_is_bounded_in_bytes() -> None:
    async def run() -> None:
        store = MemoryStore(Bounds(bytes=10 * (OVERHEAD + 1100)))
        for _ in range(30):
            await store.put("pods/a", value("x" * 1000))
        assert store.revision - store.oldest == pytest.approx(10, abs=1)

    asyncio.run(run())


def test_history_is_bounded_in_age() -> None:
    async def run() -> None:
        now = 0.0
        store = MemoryStore(Bounds(seconds=300), now=lambda: now)
        for _ in range(100):
            now += 10
            await store.put("pods/a", value())
        assert store.revision - store.oldest == pytest.approx(31, abs=1)

    asyncio.run(run())


def test_versions_long_superseded_keep_their_bytes_only() -> None:
    async def run() -> None:
        store = MemoryStore()
        first = await store.put("pods/a", value())
        assert first.object() is first.obj
        for _ in range(WARM + 1):
            await store.put("pods/a", value())
        assert first.obj is None
        assert first.object()["content"] == "None"

    asyncio.run(run())
