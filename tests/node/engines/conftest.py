"""What every engine keeps, tested with each: processes as the machine allows them, with one id as most ordinary users have, and containers
of a container runtime."""

from __future__ import annotations

import pytest

from tests.worlds.engines import containers, player, processes
from wherry.node.process.client import Settings


@pytest.fixture(params=[
    pytest.param(Settings(), marks=pytest.mark.real_nodes, id="processes"),
    pytest.param(Settings(ids="single", cgroups=False), marks=pytest.mark.real_nodes, id="processes, one id"),
    pytest.param(None, marks=pytest.mark.containerd, id="containerd"),
])
def play(request, tmp_path):
    """Run an asynchronous test in a world of its own."""
    if request.param is not None:
        return player(processes(tmp_path, request.param))
    return player(containers(tmp_path, request.getfixturevalue("containerd")))
