"""A rolling update over two machines under traffic from both loses no request, over a shared link and through a tunnel between networks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.traffic import LOAD, SERVER, pod_spec
from tests.worlds.machines import World, eventually, world

pytestmark = [pytest.mark.real_nodes, pytest.mark.skipif(os.geteuid() != 0, reason="routes are root's to set")]
CLIENTS, RELEASES = "4", 3


@pytest.fixture(params=["one link", "two networks"])
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.serve(made.machine("198.51.100.1"), "--runtime", "process", "--nodes", "1")
        far = request.param == "two networks"
        made.join(made.machine("203.0.113.2" if far else "198.51.100.2", bridged=not far))
        made.tunnelled = far
        yield made


def servers() -> list[Any]:
    spec = pod_spec(SERVER, VERSION="1")
    spec["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
         "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
         "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "web"}},
                  "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec}}},
    ]  # fmt: skip


def test_no_request_is_lost(machines: World) -> None:
    machines.apply(*servers())
    nodes = ("node-0", "far-1")
    for node in nodes:
        spec = {**pod_spec("import time; time.sleep(600)"), "nodeName": node}
        machines.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"load-{node}"}, "spec": spec})
    machines.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    for node in nodes:
        machines.kubectl("wait", "--for=condition=Ready", f"pod/load-{node}", "--timeout=20s")
        pods = machines.get("pods", "-l", "app=web")["items"]
        assert {pod["spec"]["nodeName"] for pod in pods} == set(nodes)
        for pod in pods:
            address = pod["status"]["podIP"]
            eventually(lambda node=node, address=address: "failed" not in machines.ask(f"load-{node}", f"{address}:8080", 1))
    loads = [machines.server.popen(*machines.command("exec", "-i", f"load-{node}", "--", "python3", "-c", LOAD, "web", "80", CLIENTS),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE) for node in nodes]  # fmt: skip
    for version in range(2, 2 + RELEASES):
        machines.kubectl("set", "env", "deployment/web", f"VERSION={version}")
        machines.kubectl("rollout", "status", "deployment/web", "--timeout=50s")
    said = [json.loads(load.communicate(timeout=30)[0]) for load in loads]
    assert [each["failed"] for each in said] == [{}, {}]
    for each in said:
        assert set(each["answered"]) == {str(version) for version in range(1, 2 + RELEASES)}
        assert sum(each["answered"].values()) > 100
    ways = [machine.routes() for machine in machines.machines]
    assert all(("203.0.113.2" in way.values() or "198.51.100.2" in way.values() or "198.51.100.1" in way.values()) != machines.tunnelled
               for way in ways)  # fmt: skip
