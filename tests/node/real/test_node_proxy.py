"""The kubelet's API of a node of this process, and pods that speak TLS, through the API server's proxies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.cluster import certificates

pytestmark = pytest.mark.real_nodes

Get = Callable[[str], Awaitable[tuple[int, str]]]
_PYTHON = "import http.server, ssl; s = http.server.HTTPServer(('', 8443), http.server.SimpleHTTPRequestHandler); " \
          "c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain('/pki/crt', '/pki/key'); " \
          "s.socket = c.wrap_socket(s.socket, server_side=True); print('listens', flush=True); s.serve_forever()"


def play(story: Callable[[World, Get], Awaitable[None]]) -> None:
    async def whole() -> None:
        options: Any = {"image_table": ("*=host",), "insecure_port": 0}
        async with Cluster(runtime="process", nodes=2, **options) as made, aiohttp.ClientSession() as session:

            async def get(path: str) -> tuple[int, str]:
                async with session.get(f"http://127.0.0.1:{made.insecure_port}{path}") as answer:
                    return answer.status, await answer.text()

            await asyncio.wait_for(story(World(made, "process"), get), 50)

    asyncio.run(whole())


def test_the_kubelets_api_of_a_node_of_this_process() -> None:
    async def story(world: World, get: Get) -> None:
        await world.pod("p", "echo hello; sleep 1000", nodeName="node-1")
        await world.ready("p")
        at = "/api/v1/nodes/node-1/proxy"
        assert await get(f"{at}/healthz") == (200, "ok")
        assert [pod["metadata"]["name"] for pod in json.loads((await get(f"{at}/pods"))[1])["items"]] == ["p"]
        assert json.loads((await get("/api/v1/nodes/node-0/proxy/pods"))[1])["items"] == []
        configured = json.loads((await get(f"{at}/configz"))[1])["kubeletconfig"]
        assert (configured["kind"], configured["maxPods"], configured["containerLogMaxFiles"]) == ("KubeletConfiguration", 110, 5)
        summary = json.loads((await get(f"{at}/stats/summary"))[1])
        assert summary["node"]["nodeName"] == "node-1"
        assert [pod["podRef"]["name"] for pod in summary["pods"]] == ["p"]
        assert summary["pods"][0]["ephemeral-storage"]["usedBytes"] > 0
        assert summary["node"]["fs"]["capacityBytes"] > summary["node"]["fs"]["availableBytes"]
        assert "# TYPE container_memory_working_set_bytes gauge" in (await get(f"{at}/metrics/resource"))[1]
        own = (await get(f"{at}/metrics"))[1].splitlines()
        assert {'kubelet_node_name{node="node-1"} 1.0', "kubelet_running_pods 1.0",
                'kubelet_running_containers{container_state="running"} 1.0'} <= set(own)  # fmt: skip
        assert await get(f"{at}/containerLogs/default/p/c") == (200, "hello\n")
        assert (await get(f"{at}/nosuch"))[0] == 404
        assert (await get("/api/v1/nodes/nosuch/proxy/healthz"))[0] == 404

    play(story)


def test_https_to_a_pod_of_this_process(tmp_path: Path) -> None:
    authority = certificates.Authority(*certificates.make_ca())
    crt, key = certificates.issue(authority, "pod", organizations=(), hosts=("pod",), days=1)
    for name, content in (("crt", crt), ("key", key)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o644)
    tmp_path.chmod(0o755)

    async def story(world: World, get: Get) -> None:
        mounted = {"command": ["python3", "-c", _PYTHON], "volumeMounts": [{"name": "v", "mountPath": "/pki"}], "workingDir": "/tmp"}
        await world.pod("p", "", container=mounted, volumes=[{"name": "v", "hostPath": {"path": str(tmp_path)}}])

        async def listens() -> bool:
            return (await world.get("p"))["status"].get("phase") == "Running" and "listens" in await world.log("p")

        await world.eventually(listens)
        status, text = await get("/api/v1/namespaces/default/pods/https:p:8443/proxy/")
        assert (status, "Directory listing" in text) == (200, True)

    play(story)
