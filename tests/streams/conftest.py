"""A cluster whose pods are simulated, but whose sessions are real programs."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.streams.host_sessions import HostSessions
from wherry import Cluster

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "host"}]}}


class World(NamedTuple):
    cluster: Cluster
    sessions: HostSessions
    kubeconfig: Path

    def kubectl(self, *words: str, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
        command = [kubectl(), "--kubeconfig", str(self.kubeconfig), *words]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=50, env={**os.environ, **env}, check=False)


def kubectl() -> str:
    found = os.environ.get("KUBECTL") or shutil.which("kubectl")
    assert found, "no kubectl on PATH"
    return found


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What a client left is collected inside its own test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Cluster(nodes=1) as cluster:
        sessions = HostSessions()
        assert cluster.nodes is not None
        sessions.put_into(cluster.nodes.runtime)
        cluster.apply(POD)
        cluster.wait_for("pod/web", "ready")
        yield World(cluster, sessions, Path(cluster.kubeconfig))
