"""Pods from a folder of the node, and the mirror pods that show them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.worlds.real_nodes import PODS, World
from wherry import Cluster

pytestmark = pytest.mark.real_nodes

TRAPS = "trap 'exit 0' TERM; date +%N; while true; do sleep 0.05; done"


def manifest(name: str, command: str = TRAPS) -> Any:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "image": "busybox:1", "command": ["sh", "-c", command]}]}}


def play(folder: Path, story: Callable[[World, Path], Awaitable[None]]) -> None:
    manifests = folder / "manifests"
    manifests.mkdir(exist_ok=True)
    config = folder / "kubelet.yaml"
    config.write_text(yaml.safe_dump({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                                      "staticPodPath": str(manifests)}))

    async def whole() -> None:
        options: Any = {"image_table": ("*=host",), "kubelet_config": config, "data_dir": folder / "data"}
        async with Cluster(runtime="process", nodes=1, serve=False, **options) as cluster:
            await asyncio.wait_for(story(World(cluster, "process"), manifests), 50)

    asyncio.run(whole())


async def there(world: World, name: str) -> Any:
    return next((pod for pod in (await world.client.list(PODS, "default")).items if pod["metadata"]["name"] == name), None)


async def runs(world: World, name: str) -> Any:
    async def ready() -> Any:
        pod = await there(world, name)
        return pod if pod and all(c["ready"] for c in pod.get("status", {}).get("containerStatuses") or [{"ready": False}]) else None

    return await world.eventually(ready)


def test_a_manifest_runs_and_its_mirror_pod_tells_of_it(tmp_path: Path) -> None:
    async def story(world: World, folder: Path) -> None:
        (folder / "web.yaml").write_text(yaml.safe_dump(manifest("web")))
        pod = await runs(world, "web-node-0")
        told = pod["metadata"]["annotations"]
        assert told["kubernetes.io/config.source"] == "file"
        assert told["kubernetes.io/config.mirror"] == told["kubernetes.io/config.hash"]
        owner = pod["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("Node", "node-0", True)
        assert {"operator": "Exists", "effect": "NoExecute"} in pod["spec"]["tolerations"]
        assert await world.log("web-node-0")

    play(tmp_path, story)


def test_a_mirror_pod_that_is_deleted_comes_back_and_the_program_goes_on(tmp_path: Path) -> None:
    async def story(world: World, folder: Path) -> None:
        (folder / "web.yaml").write_text(yaml.safe_dump(manifest("web")))
        before = await runs(world, "web-node-0")
        said = await world.log("web-node-0")
        await world.client.delete(PODS, "default", "web-node-0")

        async def again() -> Any:
            pod = await there(world, "web-node-0")
            return pod if pod and pod["metadata"]["uid"] != before["metadata"]["uid"] else None

        await world.eventually(again)
        pod = await runs(world, "web-node-0")
        assert pod["status"]["containerStatuses"][0]["containerID"] == before["status"]["containerStatuses"][0]["containerID"]
        assert await world.log("web-node-0") == said
        assert await world.run("web-node-0", "echo", "hi") == "hi\n"

    play(tmp_path, story)


def test_a_changed_manifest_is_another_pod_and_one_that_goes_ends_its_pod(tmp_path: Path) -> None:
    async def story(world: World, folder: Path) -> None:
        path = folder / "web.yaml"
        path.write_text(yaml.safe_dump(manifest("web")))
        before = await runs(world, "web-node-0")
        path.write_text(yaml.safe_dump(manifest("web", f"echo new; {TRAPS}")))

        async def changed() -> Any:
            pod = await there(world, "web-node-0")
            return pod and pod["metadata"]["annotations"] != before["metadata"]["annotations"]

        await world.eventually(changed)
        await runs(world, "web-node-0")
        assert (await world.log("web-node-0")).startswith("new\n")
        path.unlink()

        async def gone() -> bool:
            return await there(world, "web-node-0") is None

        await world.eventually(gone)

    play(tmp_path, story)


def test_a_manifest_that_is_none_is_told_and_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World, folder: Path) -> None:
        (folder / "a.yaml").write_text("kind: Deployment\n")
        (folder / "b.yaml").write_text(": :")
        (folder / "c.json").write_text(yaml.safe_dump({**manifest("c"), "spec": {**manifest("c")["spec"], "serviceAccountName": "x"}}))
        (folder / "good.yaml").write_text(yaml.safe_dump(manifest("good")))
        await runs(world, "good-node-0")

    play(tmp_path, story)
    assert [text for text in ("a static pod is a Pod of v1", "may not use a service account", "b.yaml") if text not in caplog.text] == []


def test_what_went_while_nobody_looked_is_gone_after_the_next_start(tmp_path: Path) -> None:
    async def first(world: World, folder: Path) -> None:
        (folder / "web.yaml").write_text(yaml.safe_dump(manifest("web")))
        await runs(world, "web-node-0")

    async def second(world: World, folder: Path) -> None:
        async def gone() -> bool:
            return await there(world, "web-node-0") is None

        await world.eventually(gone)

    play(tmp_path, first)
    (tmp_path / "manifests" / "web.yaml").unlink()
    play(tmp_path, second)
