"""Start: from a new process to `/readyz` ok and to the first pod Ready, and the memory of an idle cluster with three nodes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.setup import SETTINGS

RUNS = 5
_PROGRAM = """
import asyncio, sys, time
from wherry.cli.up import run
async def main():
    from wherry import Cluster
    from wherry.cluster.serving import import_http_without_roots
    import_http_without_roots()
    async with Cluster() as cluster:
        import aiohttp
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {cluster.pki.token}"}) as http:
            async with http.get(cluster.url + "/readyz", ssl=False) as response:
                assert await response.text() == "ok"
        print(time.time(), flush=True)
        from wherry.api.resources import resource
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
        await cluster.client.create(resource("pods"), "default", pod)
        while True:
            pod = await cluster.client.get(resource("pods"), "default", "p")
            if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ())):
                break
            await asyncio.sleep(0.002)
        print(time.time(), flush=True)
        await asyncio.sleep(1)
        print(open("/proc/self/statm").read().split()[1], flush=True)
run(main())
"""


def run() -> Iterator[tuple[str, float]]:
    ready, pod, memory = [], [], []
    for _ in range(SETTINGS.scaled(RUNS)):
        begun = time.time()
        done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
        at, first, pages = done.stdout.split()
        ready.append(float(at) - begun)
        pod.append(float(first) - begun)
        memory.append(int(pages) * 4096 / 1e6)
    yield "seconds to readyz", statistics.median(ready)
    yield "seconds to the first pod Ready", statistics.median(pod)
    yield "MB resident, idle", statistics.median(memory)
