"""Container runtimes for tests marked `containerd`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.containerd import Containerd, missing
from tests.worlds.images import give


@pytest.fixture(scope="session")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containerd]:
    """One with images for all tests of a worker; each test leaves nothing in it."""
    runtime = _started()
    give(runtime, tmp_path_factory.mktemp("images"))
    yield runtime
    runtime.stop()


@pytest.fixture
def own_containerd(tmp_path: Path) -> Iterator[Containerd]:
    """One for a test that kills it."""
    runtime = _started()
    give(runtime, tmp_path)
    yield runtime
    runtime.stop()


def _started() -> Containerd:
    assert not missing(), missing()
    runtime = Containerd(Path(tempfile.mkdtemp(prefix="ctd-")))  # the path of a socket is short
    runtime.start()
    return runtime
