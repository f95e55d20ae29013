"""Containers outlive the process that started them, and the runtime that keeps them: found again, or ended when nobody wants them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.containerd import Containerd
from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import resource
from wherry.node.cri import checking

pytestmark = pytest.mark.containerd

PODS, NODES = resource("pods"), resource("nodes")
WAIT = "trap 'exit 0' TERM; while true; do sleep 0.05; done"
Story = Callable[[World], Awaitable[None]]


def play(runtime: Containerd, folder: Path, *stories: Story, **options: Any) -> None:
    """Each in a cluster of its own, one after the other, over the same data."""
    async def one(story: Story) -> None:
        async with Cluster(runtime="containerd", container_runtime_endpoint=str(runtime.socket), nodes=1, serve=False, data_dir=folder,
                           **options) as cluster:
            await asyncio.wait_for(story(World(cluster, "containerd")), 50)

    for story in stories:
        asyncio.run(one(story))


def container(status: Obj) -> Obj:
    found: Obj = status["containerStatuses"][0]
    return found


async def adopted(world: World, name: str) -> None:
    """Until the node has taken over the pod's container: the status in the API is older."""
    async def known() -> bool:
        return world.runtime._running(await world.get(name), "c") is not None

    await world.eventually(known)


def test_a_pod_runs_on_while_its_cluster_is_away(own_containerd: Containerd, tmp_path: Path) -> None:
    before: Obj = {}
    probe = {"readinessProbe": {"exec": {"command": ["cat", "/v/ok"]}, "periodSeconds": 1, "failureThreshold": 1},
             "volumeMounts": [{"name": "v", "mountPath": "/v"}]}

    async def start(world: World) -> None:
        await world.pod("p", f"echo one; touch /v/ok; {WAIT}", container=probe, volumes=[{"name": "v", "emptyDir": {}}])
        before.update(await world.ready("p"))

    async def again(world: World) -> None:
        await adopted(world, "p")
        status = await world.ready("p")
        assert container(status)["containerID"] == container(before)["containerID"]
        assert (container(status)["restartCount"], status["podIP"]) == (0, before["podIP"])
        assert await world.log("p") == "one\n"
        assert await world.run("p", "cat", "/v/ok") == ""
        await world.run("p", "rm", "/v/ok")
        await world.until("p", lambda s: not container(s)["ready"])
        await world.run("p", "sh", "-c", "kill -TERM 1")
        status = await world.until("p", lambda s: container(s)["restartCount"] == 1 and "running" in container(s)["state"])
        assert container(status)["lastState"]["terminated"]["containerID"] == container(before)["containerID"]
        assert await world.log("p", previous=True) == "one\n"
        await world.gone("p")

    play(own_containerd, tmp_path / "data", start, again)


def test_what_ended_meanwhile_is_told_with_its_exit_code(own_containerd: Containerd, tmp_path: Path) -> None:
    async def start(world: World) -> None:
        command = "while [ ! -f /v/go ]; do sleep 0.05; done; echo bye; exit 7"
        await world.pod("p", command, restartPolicy="Never", container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
                        volumes=[{"name": "v", "hostPath": {"path": str(tmp_path / "shared")}}])
        await world.ready("p")

    async def again(world: World) -> None:
        ended = container(await world.phase("p", "Failed"))["state"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (7, "Error")
        assert await world.log("p") == "bye\n"
        await world.gone("p")

    play(own_containerd, tmp_path / "data", start)
    (tmp_path / "shared" / "go").touch()
    until(lambda: "RUNNING" not in own_containerd.ctr("tasks", "list").stdout.split("\n", 1)[1].replace(pause(own_containerd), ""))
    play(own_containerd, tmp_path / "data", again)


def pause(runtime: Containerd) -> str:
    """The line of the process that holds the pod together."""
    lines = runtime.ctr("tasks", "list").stdout.splitlines()[1:]
    shown = runtime.ctr("containers", "list").stdout
    return next((line for line in lines if any(row.startswith(line.split()[0]) and "pause" in row for row in shown.splitlines())), "-")


def until(reached: Callable[[], bool]) -> None:
    import time

    end = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_pod_that_was_deleted_meanwhile_is_ended(own_containerd: Containerd, tmp_path: Path) -> None:
    async def start(world: World) -> None:
        await world.pod("p", WAIT)
        await world.pod("stays", WAIT)
        await world.ready("p")
        await world.ready("stays")

    async def delete() -> None:
        async with Cluster(run_nodes=False, serve=False, data_dir=tmp_path / "data") as cluster:
            await cluster.client.delete(PODS, "default", "p", DeleteOptions(grace_period_seconds=0))

    async def again(world: World) -> None:
        await adopted(world, "stays")
        assert [known.at.id for known in await world.runtime._engine.pods()] == [(await world.get("stays"))["metadata"]["uid"]]
        await world.gone("stays")

    play(own_containerd, tmp_path / "data", start)
    asyncio.run(delete())
    play(own_containerd, tmp_path / "data", again)


def test_a_killed_process_is_followed_by_one_that_takes_its_pods(own_containerd: Containerd, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "wherry", "up", "--runtime", "containerd", "--container-runtime-endpoint", str(own_containerd.socket),
               "--data-dir", str(tmp_path / "data"), "--nodes", "1", "--port", "0"]
    seen: Obj = {}

    def begin() -> subprocess.Popen[str]:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        while "kubeconfig" not in (line := process.stdout.readline()).lower():
            assert line, process.wait()
        return process

    async def create(world: World) -> None:
        await world.pod("p", WAIT)
        seen.update(await world.ready("p"))

    async def look(world: World) -> None:
        await adopted(world, "p")
        status = await world.ready("p")
        assert container(status)["containerID"] == container(seen)["containerID"]
        await world.gone("p")

    play(own_containerd, tmp_path / "data", create)
    process = begin()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    play(own_containerd, tmp_path / "data", look)


def test_what_a_killed_cluster_without_data_left_is_removed_by_the_next(own_containerd: Containerd, tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal
from wherry import Cluster
from wherry.api.resources import resource

async def main():
    async with Cluster(runtime="containerd", container_runtime_endpoint={str(own_containerd.socket)!r}, nodes=1, serve=False) as cluster:
        pod = {{"metadata": {{"name": "p", "namespace": "default"}},
               "spec": {{"containers": [{{"name": "c", "image": "busybox:1", "command": ["sleep", "1000"]}}]}}}}
        await cluster.client.create(resource("pods"), "default", pod)
        while (await cluster.client.get(resource("pods"), "default", "p"))["status"].get("phase") != "Running":
            await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=50, check=False)
    assert done.returncode == -signal.SIGKILL
    assert own_containerd.ctr("tasks", "list", "--quiet").stdout.split()

    async def nothing(world: World) -> None:
        assert await world.runtime._engine.pods() == []

    play(own_containerd, tmp_path / "data", nothing)
    assert own_containerd.ctr("tasks", "list", "--quiet").stdout.split() == []


def test_the_runtime_is_killed_and_comes_back(own_containerd: Containerd, tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.pod("p", f"echo one; {WAIT}")
        status = await world.ready("p")
        own_containerd.kill()
        deleting = asyncio.create_task(world.gone("p"))
        await world.pod("q", f"echo two; {WAIT}")
        await asyncio.sleep(0.5)
        await asyncio.to_thread(own_containerd.start)
        await deleting
        status = await world.until("q", lambda s: container(s)["ready"] if s.get("containerStatuses") else False)
        assert container(status)["restartCount"] == 0
        await world.run("q", "sh", "-c", "kill -TERM 1")
        await world.until("q", lambda s: container(s)["restartCount"] == 1)
        await world.gone("q")

    play(own_containerd, tmp_path / "data", story)


def test_a_runtime_that_hangs_makes_its_node_not_ready_until_it_answers(own_containerd: Containerd, tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "DOWN_AFTER", 1.0)
    monkeypatch.setattr(checking, "EVERY", 0.2)
    monkeypatch.setattr(checking, "SHORT", 0.5)

    async def story(world: World) -> None:
        async def ready(wanted: str) -> Any:
            nodes = (await world.client.list(NODES)).items
            found = [each for node in nodes for each in node["status"]["conditions"] if each["type"] == "Ready"]
            return next((each for each in found if each["status"] == wanted), None)

        await world.eventually(lambda: ready("True"))
        own_containerd.pause()
        condition = await world.eventually(lambda: ready("False"))
        assert (condition["reason"], condition["message"]) == ("KubeletNotReady", "container runtime is down")
        own_containerd.resume()
        await world.eventually(lambda: ready("True"))

    play(own_containerd, tmp_path / "data", story)
