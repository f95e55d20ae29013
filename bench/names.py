"""The cluster's name server, asked by a program in a pod: answers a second, and by second of the server's own processor time.

Of what it remembers and of what it does not; and what a flood of nonsense does to other work of the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster.dns import ADDRESS

QUESTIONS, AT_ONCE = 50_000, 50
PODS = resource("pods")
#: COUNT questions, some at once: of one name, or each of another; "flood" does not wait for answers and asks until it is ended
_CLIENT = """
import socket, struct, sys, time
kind, count, at_once = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def question(at):
    names = [b"kubernetes", b"default"] if kind == "known" else [b"x%d" % at, b"default"]
    labels = b"".join(bytes([len(each)]) + each for each in [*names, b"svc", b"cluster", b"local"])
    return struct.pack(">6H", at & 65535, 256, 1, 0, 0, 0) + labels + bytes(1) + struct.pack(">2H", 1, 1)
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.settimeout(5)
one.connect((sys.argv[1], 53))
if kind == "flood":
    at, pace = 0, time.monotonic()
    while True:
        for _ in range(100):
            one.send(bytes([at & 255, at >> 8 & 255]) + b"nonsense" * 4 if at % 2 else question(at))
            at += 1
        pace += 100 / count
        time.sleep(max(0, pace - time.monotonic()))
asked = [question(at) for at in range(count)]
begun = time.perf_counter()
for at in range(0, count, at_once):
    for each in asked[at:at + at_once]:
        one.send(each)
    for _ in asked[at:at + at_once]:
        one.recv(1500)
print(time.perf_counter() - begun)
"""


def run() -> Iterator[tuple[str, float]]:
    yield from asyncio.run(_story(SETTINGS.scaled(QUESTIONS, AT_ONCE)))


async def _story(count: int) -> list[tuple[str, float]]:
    async with Cluster(runtime="process", nodes=1, serve=False, dns_forward=("none",), image_table=("*=host",)) as cluster:
        await cluster.client.create(PODS, "default", {"metadata": {"name": "p"}, "spec": {"containers": [
            {"name": "c", "image": "x", "command": ["sleep", "1000"]}]}})  # fmt: skip
        pod = await cluster.wait_for("pod/p", "ready")
        found: list[tuple[str, float]] = []
        for kind, many, name in (("known", count, "remembered"), ("new", count // 5, "names that are not")):
            before = time.process_time()
            took = float(await _ask(cluster, pod, kind, many))
            found += [(f"answers a second, {name}", many / took),
                      (f"answers by second of the server's processor, {name}", many / (time.process_time() - before))]  # fmt: skip
        quiet = await _slow_read(cluster)
        flood = asyncio.ensure_future(_ask(cluster, pod, "flood", 20_000))
        await asyncio.sleep(0.5)
        found += [("ms, a read of a pod (99 of 100)", quiet),
                  ("ms, the same under 20,000 questions a second, half of them nonsense", await _slow_read(cluster))]  # fmt: skip
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        return found


async def _ask(cluster: Cluster, pod: Any, kind: str, count: int) -> str:
    words = ("python3", "-c", _CLIENT, ADDRESS, kind, str(count), str(AT_ONCE))
    session = await cluster.real_nodes.runtime.exec(pod, "c", words)  # type: ignore[union-attr]
    try:
        said: bytes = await session.stdout.read()
        await session.wait()
    finally:
        await session.close()
    return said.decode()


async def _slow_read(cluster: Cluster) -> float:
    """The 99th of a hundred, of reads as other work of the loop would be done: one after the other with a pause."""
    took: list[float] = []
    for _ in range(300):
        begun = time.perf_counter()
        await asyncio.sleep(0)
        await cluster.client.get(PODS, "default", "p")
        took.append(time.perf_counter() - begun)
        await asyncio.sleep(0.003)
    return sorted(took)[-len(took) // 100] * 1000
