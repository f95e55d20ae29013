"""A server and two machines that joined it, on one link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worlds.machines import World, world


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("machines")) as made:
        made.serve(made.machine("198.51.100.1"), "--runtime", "process", "--nodes", "1", "--expose-services")
        for number in (2, 3):
            made.join(made.machine(f"198.51.100.{number}"), "--node-port-addresses", f"198.51.100.{number}")
        made.apply(*web())
        made.kubectl("rollout", "status", "daemonset/web", "--timeout=30s")
        yield made


def web() -> list[dict[str, object]]:
    """A pod on each node that says its name, and their Service."""
    container = {"name": "c", "image": "host", "command": ["python3", "-m", "http.server", "8000", "-d", "/etc"],
                 "ports": [{"containerPort": 8000}], "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}}
    return [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "web"},
         "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
         "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}]}},
    ]  # fmt: skip
