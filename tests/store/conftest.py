"""The stores under the contract: each test that asks for `open_store` runs once per store."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.worlds.etcd import EtcdServer
from wherry.store.history import Bounds
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Store
from wherry.store.sqlite import SQLiteStore

OpenStore = Callable[..., Awaitable[Store]]
_prefixes = map("/test{}".format, itertools.count())


@pytest.fixture(params=["memory", "sqlite", pytest.param("etcd", marks=pytest.mark.etcd)])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    async def memory(bounds: Bounds | None = None) -> Store:
        return MemoryStore(bounds)

    async def sqlite(bounds: Bounds | None = None) -> Store:
        return await SQLiteStore.open(tmp_path, bounds)

    if request.param == "etcd":
        return opens_etcd(request.getfixturevalue("etcd_server"))
    return memory if request.param == "memory" else sqlite


def opens_etcd(server: EtcdServer) -> OpenStore:
    """Opens stores on one prefix, on which nobody else is."""
    prefix = next(_prefixes)

    async def etcd(bounds: Bounds | None = None) -> Store:
        from wherry.store.etcd.connection import Access
        from wherry.store.etcd.store import EtcdStore, Settings

        return await EtcdStore.open(Access((server.url,)), Settings(prefix), bounds)

    return etcd


@pytest.fixture(scope="session")
def etcd_server() -> Iterator[EtcdServer]:
    with EtcdServer() as server:
        yield server
