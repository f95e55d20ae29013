"""The service proxy: 1,000 Services with two endpoints each written from nothing, and one of them changed, in a real fabric."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.setup import SETTINGS
from wherry.network.kernel_rules import KernelRules
from wherry.node.images.images import Images
from wherry.node.images.store import ImageStore
from wherry.node.process.engine import ProcessEngine
from wherry.rules.networking.proxy.routes import Node, Routes, World, routes

SERVICES, CHANGES, MANY = 1000, 50, 5000
_WORLD = World(tuple(Node(f"n{at}", "", (f"10.0.0.{at}",), (f"10.244.{at}.0/24",)) for at in range(1, 4)))


def run() -> Iterator[tuple[str, float]]:
    count, many = SETTINGS.scaled(SERVICES), SETTINGS.scaled(MANY)

    async def story(folder: Path) -> list[tuple[str, float]]:
        engine = ProcessEngine(Images(ImageStore(folder)))
        await engine.begin()
        try:
            assert engine.fabric is not None
            return await _measured(KernelRules(engine.fabric), count, many)
        finally:
            await engine.close()

    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(story(Path(folder)))


async def _measured(rules: KernelRules, count: int, many: int) -> list[tuple[str, float]]:
    begun = time.perf_counter()
    await rules.apply({f"d/s{each}": _routes(each, 2) for each in range(count)})
    whole = time.perf_counter() - begun
    changes = []
    for number in range(SETTINGS.scaled(CHANGES)):
        begun = time.perf_counter()
        await rules.apply({f"d/s{number % count}": _routes(number % count, 3 + number % 2)})
        changes.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    await rules.apply({"d/many": _routes(count, many)})
    return [
        (f"seconds for {count:,} Services from nothing", whole),
        (f"ms for one changed among {count:,}", statistics.median(changes) * 1000),
        (f"ms for a Service with {many:,} endpoints", (time.perf_counter() - begun) * 1000),
    ]


def _routes(number: int, ends: int) -> Routes:
    meta: dict[str, Any] = {"name": f"s{number}", "namespace": "d"}
    address = f"10.96.{number // 250}.{number % 250 + 1}"
    service = {"metadata": meta, "spec": {"clusterIP": address, "ports": [{"name": "web", "port": 80}]}}
    pods = [f"10.{128 + number % 64}.{each // 250}.{each % 250 + 1}" for each in range(ends)]
    slices = {"addressType": "IPv4", "ports": [{"name": "web", "port": 8080}], "endpoints": [{"addresses": [pod]} for pod in pods]}
    return routes(service, [slices], _WORLD)
