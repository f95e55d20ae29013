"""The server's own machine is killed and starts again: pods of other machines go on reaching each other, and all is one network again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.network.hosts.conftest import web
from tests.network.hosts.test_machines import address, name, pods
from tests.worlds.machines import World, eventually, world

pytestmark = [pytest.mark.real_nodes, pytest.mark.skipif(os.geteuid() != 0, reason="routes are root's to set")]
#: asks the Service again and again, and writes who answered
ASKING = """
import time, urllib.request
while True:
    try:
        said = urllib.request.urlopen("http://web/hostname", timeout=1).read().decode().strip()
    except OSError as error:
        said = f"failed: {error}"
    with open("/said/answers", "a") as file:
        print(said, file=file, flush=True)
    time.sleep(0.02)
"""


def asking(folder: Path) -> dict[str, object]:
    container = {"name": "c", "image": "host", "command": ["/usr/bin/python3", "-c", ASKING],
                 "volumeMounts": [{"name": "said", "mountPath": "/said"}]}  # fmt: skip
    volume = {"name": "said", "hostPath": {"path": str(folder)}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asking"},
            "spec": {"nodeName": "far-1", "containers": [container], "volumes": [volume]}}  # fmt: skip


def all_reach_all(machines: World) -> bool:
    there = list(pods(machines).values())
    return len(there) == 3 and all(
        machines.ask(name(one), f"{address(other)}:8000/hostname", 1) == name(other) for one in there for other in there
    )


def test_killed_and_started_again(tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.mkdir()
    with world(tmp_path) as machines:
        server, words = machines.machine("198.51.100.1"), ("--runtime", "process", "--nodes", "1")
        machines.serve(server, *words, lasting=True)
        for number in (2, 3):
            machines.join(machines.machine(f"198.51.100.{number}"))
        machines.apply(*web(), asking(said))
        machines.kubectl("rollout", "status", "daemonset/web", "--timeout=30s")
        machines.kubectl("wait", "--for=condition=Ready", "pod/asking", "--timeout=20s")
        names = {node: name(pod) for node, pod in pods(machines).items()}
        answers = said / "answers"
        eventually(lambda: set(names.values()) <= set(answers.read_text().split()))

        server.end(signal.SIGKILL)
        begun = len(answers.read_text())
        eventually(lambda: {names["far-1"], names["far-2"]} <= set(answers.read_text()[begun:].split()))

        machines.up(server, *words)
        machines.kubectl("rollout", "status", "daemonset/web", "--timeout=40s")
        eventually(lambda: all_reach_all(machines))
        begun = len(answers.read_text())
        eventually(lambda: names["node-0"] in answers.read_text()[begun:].split())
        begun = len(answers.read_text())
        eventually(lambda: answers.read_text()[begun:].count("\n") > 50)
        assert "failed" not in answers.read_text()[begun:]
