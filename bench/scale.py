"""The official envelope on one machine: 5,000 nodes and 150,000 pods, and the objectives that Kubernetes promises there.

A cluster of simulated nodes (leases renewed every ten seconds) is filled with Deployments of many sizes, Services and ConfigMaps; then 1 %
of the pods are rolled each minute while another process asks over TLS and holds a watch for each node's pods, as its kubelet would. Sizes
below the whole show how time and memory per pod grow.
Source: sig-scalability/slos/slos.md of the community (API calls within 1 s, lists within 30 s, pods within 5 s; 99 % of them).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.held import by_kind
from bench.load import Caller, Result, Session, Target, apart
from bench.setup import SERIES, SETTINGS
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.cluster.thread import new_loop
from wherry.kit.garbage import look_seldom

#: pods and nodes of each size; the last one is the official envelope
SIZES = ((1_000, 33), (10_000, 333), (50_000, 1_666), (150_000, 5_000))
SECONDS = 30.0
#: replicas of the Deployments, in turn
_SETS = (5, 5, 30, 5, 5, 250)
#: the share of the pods that are rolled in a minute
_CHURN = 0.01
#: figures that are compared with those of the fewest pods
_GROWING = ("ms per pod to create", "ms of processor time per pod to create", "KB resident per pod")
_LIMIT = 3600.0
DEPLOYMENTS, SERVICES, MAPS = resource("deployments", "apps"), resource("services"), resource("configmaps")
_PODS = "/api/v1/namespaces/default/pods"


def run() -> Iterator[tuple[str, float]]:
    curve = SERIES["scale"] = {"pods": [], "ms per pod": [], "KB per pod": []}
    first: dict[str, float] = {}
    for most, nodes in SIZES:
        pods = SETTINGS.scaled(most, 20)
        found = _run(pods, SETTINGS.scaled(nodes, 2))
        for name, value in found.items():
            yield f"{name}, {pods:,} pods", value
            if name in _GROWING and name in first:
                yield f"{name}, {pods:,} pods, times that of the fewest", value / first[name]
            first.setdefault(name, value)
        curve["pods"].append(pods)
        curve["ms per pod"].append(found["ms per pod to create"])
        curve["KB per pod"].append(found["KB resident per pod"])


def _run(pods: int, nodes: int) -> dict[str, float]:
    """In a process of its own, so that memory is what this size takes."""
    command = [sys.executable, "-m", "bench.scale", str(pods), str(nodes), str(max(1.0, SECONDS * SETTINGS.size))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


async def once(pods: int, nodes: int, seconds: float) -> dict[str, float]:
    """One size; times in milliseconds."""
    async with Cluster(nodes=nodes, pods_per_node=110) as cluster:
        before, begun, worked = _resident(), time.perf_counter(), time.process_time()
        names = await _fill(cluster, pods)
        took = time.perf_counter() - begun
        await asyncio.sleep(2)  # events and statuses that are still under way
        found = {"ms per pod to create": took / pods * 1e3, "KB resident per pod": (_resident() - before) / pods / 1024}
        found["ms of processor time per pod to create"] = (time.process_time() - worked) / pods * 1e3
        for kind, (stored, decoded) in by_kind((await cluster.store.range("")).records).items():
            found[f"KB per pod in stored {kind}"], found[f"KB per pod in decoded {kind}"] = stored / pods / 1024, decoded / pods / 1024
        reading = asyncio.create_task(asyncio.to_thread(apart, _ask, Target(str(cluster.kubeconfig)), nodes, seconds, timeout=_LIMIT))
        rolled = await _churn(cluster, names, pods, reading)
        found["pods rolled per minute"] = rolled
        return {**found, **await reading}


async def _fill(cluster: Any, pods: int) -> list[tuple[str, int]]:
    """Deployments with a Service each, and their sizes; returns when all pods run."""
    names: list[tuple[str, int]] = []
    left = pods
    while left:
        size = min(_SETS[len(names) % len(_SETS)], left)
        names.append((f"web-{len(names)}", size))
        left -= size
    for name, size in names:
        await cluster.client.create(DEPLOYMENTS, "default", _deployment(name, size))
        await cluster.client.create(SERVICES, "default", {
            "metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})  # fmt: skip
        await cluster.client.create(MAPS, "default", {"metadata": {"name": name}, "data": {"key": "value"}})
    for name, size in names:
        while await _ready(cluster, name) < size:
            await asyncio.sleep(0.1)
    return names


async def _ready(cluster: Any, name: str) -> int:
    return int(((await cluster.client.get(DEPLOYMENTS, "default", name)).get("status") or {}).get("availableReplicas", 0))


async def _churn(cluster: Any, names: list[tuple[str, int]], pods: int, reading: asyncio.Task[Any]) -> float:
    """Roll Deployments at the pace of the churn until the readers have done; pods a minute."""
    begun, rolled, at = time.perf_counter(), 0, 0
    while not reading.done():
        if rolled <= (time.perf_counter() - begun) / 60 * pods * _CHURN:
            name, size = names[at % len(names)]
            change = {"spec": {"template": {"metadata": {"labels": {"version": str(at)}}}}}
            await cluster.client.patch(DEPLOYMENTS, "default", name, change, MERGE_PATCH)
            rolled, at = rolled + size, at + 1
        await asyncio.sleep(0.05)
    return rolled / (time.perf_counter() - begun) * 60


async def _ask(target: Target, nodes: int, seconds: float) -> dict[str, float]:
    """Watches of all nodes' pods, and how long clients wait: for single reads and writes, lists, and pods until they run."""
    caller = Caller(target)
    watches = [await _watching(caller, number) for number in range(nodes)]
    session, times = await caller.open(), {kind: [] for kind in ("get", "patch", "create", "delete", "list of 500", "pod")}  # type: ignore[var-annotated]
    begun, number = time.perf_counter(), 0

    async def timed(kind: str, method: str, path: str, body: Obj | None = None, content_type: str = "application/json") -> bytes:
        at = time.perf_counter()
        status, answer = await session.ask(caller.bytes_of((method, path, json.dumps(body).encode() if body else b"", content_type)))
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {answer[:300]!r}")
        times[kind].append(time.perf_counter() - at)
        return answer

    while time.perf_counter() - begun < seconds:
        number += 1
        maps = "/api/v1/namespaces/default/configmaps"
        await timed("create", "POST", maps, {"metadata": {"name": f"x{number}"}})
        await timed("patch", "PATCH", f"{maps}/x{number}", {"data": {"a": "b"}}, MERGE_PATCH)
        await timed("get", "GET", f"{maps}/x{number}")
        await timed("delete", "DELETE", f"{maps}/x{number}")
        if number % 10 == 0:
            await timed("list of 500", "GET", f"{_PODS}?limit=500")
            times["pod"].append(await _start_pod(caller, session, f"pod-{number}"))
        await asyncio.sleep(0.01)
    at = time.perf_counter()
    _, answer = await session.ask(caller.bytes_of(("GET", _PODS, b"", "")))
    found = {"ms to list all pods (promised: 30,000)": (time.perf_counter() - at) * 1e3, "MB of that list": len(answer) / 1e6}
    for kind, each in times.items():
        promised = "5,000" if kind == "pod" else "1,000"
        found[f"ms p99 {'pod created to Ready' if kind == 'pod' else kind} (promised: {promised})"] = Result.of(each, seconds).p99
    for watching in watches:
        watching.cancel()
    await asyncio.gather(*watches, return_exceptions=True)
    return found


async def _watching(caller: Caller, number: int) -> asyncio.Task[Any]:
    """As a kubelet follows its pods."""
    session: Session = await caller.open()
    question = caller.bytes_of(("GET", f"/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dsim-{number}", b"", ""))
    return asyncio.create_task(session.ask(question))


async def _start_pod(caller: Caller, session: Session, name: str) -> float:
    begun = time.perf_counter()
    body = {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    await session.ask(caller.bytes_of(("POST", _PODS, json.dumps(body).encode(), "application/json")))
    while time.perf_counter() - begun < 60:
        _, answer = await session.ask(caller.bytes_of(("GET", f"{_PODS}/{name}", b"", "")))
        if b'"phase":"Running"' in answer:
            break
        await asyncio.sleep(0.005)
    return time.perf_counter() - begun


def _deployment(name: str, replicas: int) -> Obj:
    labels = {"app": name}
    spec = {"containers": [{"name": "c", "image": "nginx:1", "ports": [{"containerPort": 80}]}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    look_seldom()  # as the command line does
    print(json.dumps(new_loop().run_until_complete(once(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))))
