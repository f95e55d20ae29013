"""Watch: one write, told to 1, 100 and 1,000 watchers; milliseconds from before the write until each has the event, and bytes per event.

Watchers and writer are one process of their own, so the figure for 1,000 includes what reading a thousand copies costs there.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.resources import resource
from wherry.client.http import HttpClient
from wherry.client.kubeconfig import Overrides, load
from wherry.cluster.thread import new_loop

WRITES = 40
PAUSE = 0.1
PATH = "/api/v1/namespaces/default/configmaps"
MAPS = resource("configmaps")


def run() -> Iterator[tuple[str, float]]:
    with Cluster(insecure_port=0, nodes=0) as cluster:
        for watchers in sorted({SETTINGS.scaled(many) for many in (1, 100, 1000)}):
            context = multiprocessing.get_context("spawn")
            queue: Any = context.Queue()
            process = context.Process(target=_client, args=(queue, cluster.insecure_port, watchers))
            process.start()
            times, size = queue.get(timeout=120)
            process.join()
            spread = statistics.quantiles(times, n=100)
            yield f"event to {watchers} watchers p50 ms", spread[49]
            yield f"event to {watchers} watchers p99 ms", spread[98]
            if watchers == 1:
                yield "bytes per event on the wire", size


def _client(queue: Any, port: int, watchers: int) -> None:
    loop = new_loop()
    queue.put(loop.run_until_complete(_measure(port, watchers)))


class Watcher(asyncio.Protocol):
    """Counts the events with the writer's mark, and notes how old each was."""

    def __init__(self, times: list[float], mark: str) -> None:
        self._times = times
        self._mark = f"\"{mark}\":\"".encode()
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.bytes = self.events = 0

    def connection_made(self, transport: Any) -> None:
        transport.write(f"GET {PATH}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        if not self.started.done():
            self.started.set_result(None)
        at = data.find(self._mark)
        while at >= 0:
            begin = at + len(self._mark)
            self._times.append((time.monotonic_ns() - int(data[begin : data.index(b'"', begin)])) / 1e6)
            self.events += 1
            at = data.find(self._mark, begin)
        self.bytes += len(data) if self.events else 0


async def _measure(port: int, watchers: int) -> tuple[list[float], float]:
    loop, mark = asyncio.get_running_loop(), f"at-{watchers}"
    times: list[float] = []
    made = [(await loop.create_connection(lambda: Watcher(times, mark), "127.0.0.1", port)) for _ in range(watchers)]
    await asyncio.gather(*(each.started for _, each in made))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in range(WRITES):
        name = f"w-{watchers}-{number}"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {mark: str(time.monotonic_ns())}}
        content = json.dumps(body).encode()
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        length = 0
        while (line := await reader.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        await reader.readexactly(length)
        await asyncio.sleep(PAUSE)
    writer.close()
    for transport, _ in made:
        transport.close()
    missing = WRITES * watchers - len(times)
    if missing:
        raise RuntimeError(f"{missing} events did not come")
    return times, sum(each.bytes for _, each in made) / max(1, len(times))


async def watched(kubeconfig: str, watchers: int) -> int:
    """Writes as above, each told to so many watchers over TLS; how many events came. Raises RuntimeError when one did not."""
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(HttpClient(load(Overrides(kubeconfig=kubeconfig)), manager="bench"))
        came, all_came = 0, asyncio.Event()

        async def read(client: HttpClient, began: asyncio.Event) -> None:
            nonlocal came
            version = (await client.list(MAPS, "default")).resource_version
            began.set()
            async for batch in client.watch(MAPS, "default", resource_version=version):
                came += len(batch)
                if came == WRITES * watchers:
                    all_came.set()

        began = [asyncio.Event() for _ in range(watchers)]
        clients = [await stack.enter_async_context(HttpClient(load(Overrides(kubeconfig=kubeconfig)), manager="bench")) for _ in began]
        tasks = [asyncio.create_task(read(*each)) for each in zip(clients, began, strict=True)]
        try:
            await asyncio.gather(*(each.wait() for each in began))
            for number in range(WRITES):
                await writer.create(MAPS, "default", {"metadata": {"name": f"w-{watchers}-{number}"}})
            async with asyncio.timeout(60):
                await all_came.wait()
        except TimeoutError:
            raise RuntimeError(f"{WRITES * watchers - came} events did not come") from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return came
