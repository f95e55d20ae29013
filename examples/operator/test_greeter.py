from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kopf.testing import KopfRunner

from wherry import SyncCluster, resource

HERE = Path(__file__).parent
MAPS = resource("configmaps")


@pytest.fixture
def greetings(cluster: SyncCluster, kubeconfig: str) -> Iterator[SyncCluster]:
    """The operator runs, as `kopf run greeter.py` would, while the test does."""
    cluster.apply(HERE / "crd.yaml")
    cluster.wait_for("crd/greetings.example.com", "established")
    with KopfRunner(["run", "--all-namespaces", "--standalone", str(HERE / "greeter.py")], timeout=90) as runner:
        yield cluster
    assert runner.exit_code == 0, runner.output


def greeting(name: str, who: str) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Greeting", "metadata": {"name": name}, "spec": {"who": who}}


def test_a_greeting_becomes_a_config_map_that_belongs_to_it(greetings: SyncCluster) -> None:
    greetings.apply(greeting("first", "world"))
    made = greetings.wait_for("configmap/first", "jsonpath={.data.text}=Hello, world!")
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Greeting"
    greetings.wait_for("greetings.example.com/first", "jsonpath={.status.greet.text}")


def test_a_change_is_followed(greetings: SyncCluster) -> None:
    greetings.apply(greeting("first", "world"))
    greetings.wait_for("greetings.example.com/first", "jsonpath={.status.greet.text}")
    greetings.apply(greeting("first", "moon"))
    greetings.wait_for("configmap/first", "jsonpath={.data.text}=Hello, moon!")


def test_a_busy_server_is_asked_again(greetings: SyncCluster) -> None:
    with greetings.faults.api_error(429, verb="create", resource="configmaps", retry_after=0) as fault:
        greetings.apply(greeting("patient", "world"))
        greetings.clock.run_until(lambda: fault.struck, limit="20s")
    greetings.wait_for("configmap/patient", "jsonpath={.data.text}=Hello, world!")
