"""The stores under the contract: each test that asks for `open_store` runs once per store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from wherry.store.history import Bounds
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Store
from wherry.store.sqlite import SQLiteStore

OpenStore = Callable[..., Awaitable[Store]]


@pytest.fixture(params=["memory", "sqlite"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    async def memory(bounds: Bounds | None = None) -> Store:
        return MemoryStore(bounds)

    async def sqlite(bounds: Bounds | None = None) -> Store:
        return await SQLiteStore.open(tmp_path, bounds)

    return memory if request.param == "memory" else sqlite
