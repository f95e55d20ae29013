"""The cluster's name server in a real fabric: answers a second to one client, of what it remembers and of what it does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import dnslib

from bench.setup import SETTINGS
from wherry import Cluster
from wherry.cluster.dns import ADDRESS

QUESTIONS, AT_ONCE = 50_000, 50


def run() -> Iterator[tuple[str, float]]:
    count = SETTINGS.scaled(QUESTIONS, AT_ONCE)

    async def story() -> list[tuple[str, float]]:
        async with Cluster(runtime="process", nodes=1, serve=False, dns_forward=("none",)) as cluster:
            assert cluster.real_nodes is not None
            [one] = await cluster.real_nodes.fabric.sockets(udp=True)  # type: ignore[union-attr]
            with one:
                await asyncio.get_running_loop().sock_connect(one, (ADDRESS, 53))
                known = bytes(dnslib.DNSRecord.question("kubernetes.default.svc.cluster.local").pack())
                found = [("answers a second, remembered", await _rate(one, [known] * count))]
                fresh = [bytes(dnslib.DNSRecord.question(f"x{each}.default.svc.cluster.local").pack()) for each in range(count // 5)]
                return [*found, ("answers a second, names that are not", await _rate(one, fresh))]

    yield from asyncio.run(story())


async def _rate(one: Any, questions: list[bytes]) -> float:
    """Client and server share a core and a loop: the server alone answers more."""
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    for at in range(0, len(questions), AT_ONCE):
        batch = questions[at : at + AT_ONCE]
        for each in batch:
            one.send(each)
        for _ in batch:
            await asyncio.wait_for(loop.sock_recv(one, 1500), 5)
    return len(questions) / (time.perf_counter() - begun)
