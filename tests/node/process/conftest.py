"""A process engine for tests marked `real_nodes`. They run as root and as an ordinary user alike; each also with one
id in a user namespace and without control groups, as on most machines."""

from __future__ import annotations

import pytest

from tests.worlds.engines import player, processes
from wherry.node.process.client import Settings


@pytest.fixture(params=[Settings(), Settings(ids="single", cgroups=False)], ids=["as allowed", "one id"])
def settings(request):
    return request.param


@pytest.fixture
def play(tmp_path, settings):
    """Run an asynchronous test in a world of its own."""
    return player(processes(tmp_path, settings))
