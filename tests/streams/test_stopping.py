"""A server that stops ends sessions at once, and leaves no program behind."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from tests.streams.conftest import POD, kubectl
from tests.streams.host_sessions import HostSessions
from tests.streams.test_kubectl_sessions import WAYS, by_both_ways
from wherry import Cluster

pytestmark = pytest.mark.kubectl


@by_both_ways
def test_a_stop_waits_for_no_session(way: str) -> None:
    with Cluster(nodes=1) as cluster:
        sessions = HostSessions()
        assert cluster.nodes is not None
        sessions.put_into(cluster.nodes.runtime)
        cluster.apply(POD)
        cluster.wait_for("pod/web", "ready")
        command = [kubectl(), "--kubeconfig", cluster.kubeconfig, "exec", "web", "--", "sleep", "1000"]
        clients = [subprocess.Popen(command, env={**os.environ, **WAYS[way]}, stderr=subprocess.DEVNULL) for _ in range(3)]
        sessions.until(lambda: sessions.opened == 3)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert sessions.closed == 3
    for client in clients:
        client.kill()
        client.wait()
