"""An etcd for the clusters of these tests; each test has a prefix of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.worlds.etcd import EtcdServer

_prefixes = map("/cluster{}".format, itertools.count())


@pytest.fixture(scope="module")
def etcd_server() -> Iterator[EtcdServer]:
    with EtcdServer() as server:
        yield server


@pytest.fixture
def prefix() -> str:
    return next(_prefixes)
