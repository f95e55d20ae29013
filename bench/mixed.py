"""Mixed: 100 Deployments of ten pods rolled at once while 50 watchers and 200 reads a second run; read latency before and during.

Readers and watchers are a process of their own, over TLS.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from bench.api import PODS
from bench.load import Caller, Result, Target, apart
from bench.rollout import DEPLOYMENTS, deployment
from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource

SETS = 100
REPLICAS = 10
WATCHERS = 50
READS = 200
SECONDS = 4.0
LIMIT = 120.0
BEGUN, DONE = "bench-begun", "bench-done"
MAPS, _MAPS = resource("configmaps"), "/api/v1/namespaces/default/configmaps"


def run() -> Iterator[tuple[str, float]]:
    sets, watchers = SETTINGS.scaled(SETS, 2), SETTINGS.scaled(WATCHERS, 2)
    seconds = max(0.5, SECONDS * SETTINGS.size)
    with Cluster(nodes=10, pods_per_node=16000) as cluster:
        for number in range(sets):
            cluster.client.create(DEPLOYMENTS, "default", _set(f"web-{number}"))
        _until_complete(cluster, sets)
        target = Target(cluster.kubeconfig)
        quiet = Result(*apart(_read, target, watchers, seconds, ""))
        yield "reads p50 ms, quiet", quiet.p50
        yield "reads p99 ms, quiet", quiet.p99
        busy, rolled = cluster.call(_both(cluster, target, watchers, sets))
        yield f"reads p50 ms, {sets} Deployments rolled at once", busy.p50
        yield f"reads p99 ms, {sets} Deployments rolled at once", busy.p99
        yield f"pods/s rolled, {sets} Deployments, with {watchers} watchers and reads", sets * REPLICAS / rolled


async def _both(cluster: Cluster, target: Target, watchers: int, sets: int) -> tuple[Result, float]:
    """The rollouts begin when the readers have; the readers end when the rollouts have. They tell each other with two ConfigMaps."""
    reading = asyncio.create_task(asyncio.to_thread(apart, _read, target, watchers, LIMIT, DONE))
    while not (await cluster.aclient.list(MAPS, "default", field_selector=f"metadata.name={BEGUN}")).items and not reading.done():
        await asyncio.sleep(0.02)
    begun = time.perf_counter()
    change = {"spec": {"template": {"metadata": {"labels": {"version": "2"}}}}}
    await asyncio.gather(*(cluster.aclient.patch(DEPLOYMENTS, "default", f"web-{n}", change, MERGE_PATCH) for n in range(sets)))
    while not await _complete(cluster, sets):
        await asyncio.sleep(0.02)
    rolled = time.perf_counter() - begun
    await cluster.aclient.create(MAPS, "default", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": DONE}})
    return Result(*await reading), rolled


async def _read(target: Target, watchers: int, seconds: float, until: str) -> Any:
    """For that many seconds, or until a ConfigMap `until` is there; begins by making another."""
    caller = Caller(target)
    watching = [await caller.open() for _ in range(watchers)]
    streams = [asyncio.ensure_future(each.ask(caller.bytes_of(("GET", f"{PODS}?watch=true", b"", "")))) for each in watching]
    sessions = [await caller.open() for _ in range(8)]
    stop = asyncio.Event()
    times: list[float] = []
    mark = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%b"}}' % BEGUN.encode()
    if until:
        await sessions[0].ask(caller.bytes_of(("POST", _MAPS, mark, "application/json")))
    begun = time.perf_counter()
    request = caller.bytes_of(("GET", "/apis/apps/v1/namespaces/default/deployments/web-1", b"", ""))

    async def reader(number: int) -> None:
        """At fixed moments, so that a server that stalls is seen to."""
        at = begun + number / READS
        while at < begun + seconds and not stop.is_set():
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            await sessions[number].ask(request)
            times.append(time.perf_counter() - at)
            at += len(sessions) / READS

    async def wait() -> None:
        session = await caller.open()
        question = caller.bytes_of(("GET", f"{_MAPS}/{until}", b"", ""))
        while (await session.ask(question))[0] != 200:
            await asyncio.sleep(0.1)
        stop.set()
        session.close()

    await asyncio.gather(*(reader(n) for n in range(len(sessions))), *([wait()] if until else []))
    for each in (*watching, *sessions):
        each.close()
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    return tuple(Result.of(times, time.perf_counter() - begun))


def _set(name: str) -> Obj:
    web = deployment(REPLICAS)
    labels = {"app": name}
    template = {**web["spec"]["template"], "metadata": {"labels": labels}}
    return {**web, "metadata": {"name": name}, "spec": {**web["spec"], "selector": {"matchLabels": labels}, "template": template}}


def _until_complete(cluster: Cluster, sets: int) -> None:
    while not cluster.call(_complete(cluster, sets)):
        time.sleep(0.02)


async def _complete(cluster: Cluster, sets: int) -> bool:
    found = (await cluster.aclient.list(DEPLOYMENTS, "default")).items
    done = [d for d in found if _is_complete(d)]
    return len(done) == sets and cluster.store.size("pods") == sets * REPLICAS


def _is_complete(web: Obj) -> bool:
    status: dict[str, Any] = web.get("status") or {}
    same = all(status.get(k) == REPLICAS for k in ("replicas", "updatedReplicas", "availableReplicas"))
    return same and status.get("observedGeneration") == web["metadata"]["generation"]
