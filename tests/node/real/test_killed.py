"""`kill -9` of wherry while pods run, start and write, again and again over the same data: nothing of them is left, and they come back.

And clusters with real pods, one after the other in one process: nothing is left either. How often say `WHERRY_KILLS` and `WHERRY_CLUSTERS`
(50 and 200 hold).
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.resources import resource

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS, CLUSTERS = int(os.environ.get("WHERRY_KILLS", "20")), int(os.environ.get("WHERRY_CLUSTERS", "60"))
#: this test's programs are told by a number in their command
MARK = str(50_000_000 + os.getpid())
PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.node.real.test_killed import loaded
asyncio.run(loaded(Path(sys.argv[1]), sys.argv[2]))
"""


async def loaded(folder: Path, mark: str) -> None:
    """A cluster that never comes to rest: a Deployment goes up and down, its pods write, one crashes again and again."""
    async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",), data_dir=folder) as cluster:
        world = World(cluster, "process")
        deployments = resource("deployments", "apps")
        volumes = [{"name": "v", "emptyDir": {"medium": "Memory"}}, {"name": "w", "emptyDir": {}}]
        mounts = [{"name": "v", "mountPath": "/v"}, {"name": "w", "mountPath": "/w"}]
        command = f"while true; do echo {mark} $RANDOM; date > /v/a; date > /w/a; sleep 0.05; done"
        container = {"name": "c", "image": "host", "command": ["sh", "-c", command], "volumeMounts": mounts}
        labels = {"app": "load"}
        pod = {"terminationGracePeriodSeconds": 1, "containers": [container], "volumes": volumes}
        template = {"metadata": {"labels": labels}, "spec": pod}
        if not (await world.client.list(deployments, "default")).items:
            crashing = {**container, "command": ["sh", "-c", "sleep 0.2; exit 1"]}
            await world.create("pods", "crashes", spec={"containers": [crashing], "volumes": volumes})
            await world.client.create(deployments, "default", {"metadata": {"name": "load"}, "spec": {
                "replicas": 8, "selector": {"matchLabels": labels}, "template": template}})  # fmt: skip
        sys.stdout.write("up\n")
        size = 8
        while True:
            running = [p for p in (await world.client.list(resource("pods"), "default")).items if p["status"].get("phase") == "Running"]
            sys.stdout.write(f"{len(running)}\n")
            sys.stdout.flush()
            size = 14 - size
            found = await world.client.get(deployments, "default", "load")
            await world.client.update(deployments, {**found, "spec": {**found["spec"], "replicas": size}})
            await asyncio.sleep(0.5)


def left(pid: int) -> list[str]:
    """Processes of pods and helpers, and folders of scratch space, memory and control groups."""
    found = [str(path) for path in (*Path(tempfile.gettempdir()).glob(f"wherry-{pid}-*"), *Path("/dev/shm").glob(f"wherry-{pid}-*"),
                                    *Path("/sys/fs/cgroup").glob(f"*/wherry-{pid}-*"))]
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            except OSError:
                continue
            ours = f"KILLED={MARK}".encode() in environment.split(b"\0") and b"helper/__main__.py" in command
            if ours or f"echo {MARK} ".encode() in command:
                found.append(f"process {entry.name}")
    return found


def test_nothing_is_left_of_wherry_killed_under_load(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text().count("\n")
    choice = random.Random(7)
    most = 0
    for number in range(KILLS):
        environment = {**os.environ, "KILLED": MARK}
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), MARK]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3], env=environment, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n", number
            until = time.monotonic() + choice.uniform(0.2, 2.5)
            while time.monotonic() < until:
                most = max(most, int(process.stdout.readline() or "0"))
            process.kill()
        end = time.monotonic() + 20
        while left(process.pid):
            assert time.monotonic() < end, (number, left(process.pid))
            time.sleep(0.02)
    assert Path("/proc/self/mountinfo").read_text().count("\n") == mounts
    assert most > 0 or KILLS < 5, "no pod ever ran"


def standing() -> tuple[Any, ...]:
    mounts = Path("/proc/self/mountinfo").read_text().count("\n")
    return left(os.getpid()), len(os.listdir("/proc/self/fd")), threading.active_count(), mounts


def test_clusters_with_pods_in_one_process_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILLED", MARK)

    async def one() -> None:
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",)) as cluster:
            world = World(cluster, "process")
            for name in ("p", "q"):
                await world.pod(name, f"echo {MARK} ; sleep 1000")
            await world.ready("p")
            await world.ready("q")

    asyncio.run(one())
    before = standing()
    for _ in range(CLUSTERS):
        asyncio.run(one())
    assert standing() == before
    assert before[0] == []
