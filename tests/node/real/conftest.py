"""One suite for all engines: what a test asks of a node holds for processes and for containers of a container runtime alike."""

from __future__ import annotations

import pytest

from tests.worlds.real_nodes import Play, player


@pytest.fixture(params=[pytest.param("process", marks=pytest.mark.real_nodes), pytest.param("containerd", marks=pytest.mark.containerd)])
def play(request: pytest.FixtureRequest) -> Play:
    """Images are this machine's own files, or those that the container runtime was given (`tests/worlds/images.py`)."""
    if request.param == "process":
        return player("process", image_table=("*=host",))
    return player("containerd", container_runtime_endpoint=str(request.getfixturevalue("containerd").socket))
