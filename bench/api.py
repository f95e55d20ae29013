"""API: requests per second and p99 over loopback, plain and with TLS, 16 connections, the client in a process of its own.

With a kubeconfig the server is that one, and plain HTTP is left out. `api_full` measures more of it.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.load import Make, Request, Result, Target, apart, pound
from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.errors import NotFound
from wherry.api.resources import resource
from wherry.client.http import HttpClient
from wherry.client.kubeconfig import Overrides, load
from wherry.cluster.thread import new_loop

CONNECTIONS = 16
SECONDS = 2.0
JSON = "application/json"
_CONTAINER = {"name": "c", "image": "nginx:1.21", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}
PODS, MAPS = "/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/configmaps"
#: namespaces whose pods are listed, by how many there are
LISTED = {500: "bench-500", 5000: "bench-5000"}
SHORT = ("get", "list 500 pods", "create", "patch")


def run() -> Iterator[tuple[str, float]]:
    with servers() as targets:
        for mark, target in targets:
            for job in SHORT:
                found = measured(target, job, CONNECTIONS)
                yield f"{job} req/s{mark}", found.rate
                yield f"{job} p99 ms{mark}", found.p99


@contextmanager
def servers() -> Iterator[list[tuple[str, Target]]]:
    """What is measured, each with the mark of its figures."""
    if SETTINGS.kubeconfig:
        try:
            yield [(" (target)", Target(SETTINGS.kubeconfig))]
        finally:
            new_loop().run_until_complete(_clean(SETTINGS.kubeconfig))
        return
    with tempfile.TemporaryDirectory() as directory, Cluster(data_dir=Path(directory), insecure_port=0, nodes=0) as cluster:
        yield [("", Target(cluster.kubeconfig, cluster.insecure_port)), (" (TLS)", Target(cluster.kubeconfig))]


async def _clean(kubeconfig: str) -> None:
    """Nothing of this stays in a cluster that is not ours."""
    async with HttpClient(load(Overrides(kubeconfig=kubeconfig)), manager="bench") as client:
        for namespace in LISTED.values():
            with suppress(NotFound):
                await client.delete(resource("namespaces"), "", namespace)
        for plural in ("pods", "configmaps"):
            await client.delete_collection(resource(plural), "default", label_selector="made-by=bench")


def measured(target: Target, job: str, connections: int) -> Result:
    found: Result = apart(work, target, job, connections, SECONDS * SETTINGS.size, SETTINGS.scaled(10_000, 10))
    return found


async def work(target: Target, job: str, connections: int, seconds: float, most: int) -> Result:
    first, make = _job(job, connections, most)
    return await pound(target, make, connections, seconds, first)


def pod(name: str, job: str) -> bytes:
    spec = {"containers": [_CONTAINER], "schedulerName": "none"}
    meta = {"name": name, "labels": {"app": job, "made-by": "bench"}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}).encode()


def _job(job: str, connections: int, most: int) -> tuple[list[Request], Make]:
    """What must be there first, and the requests."""
    words = job.split()
    if words[0] == "list":
        return _listing(min(int(words[1].replace(",", "")), most), LISTED[int(words[1].replace(",", ""))])
    if job == "create":
        stamp = time.time_ns()
        return [], lambda number, count: ("POST", MAPS, _map(f"c-{stamp}-{number}-{count}", 0), JSON)
    names = [f"{job.replace(' ', '-')}-{number}" for number in range(connections)]
    if job == "update":
        return ([("POST", MAPS, _map(name, 0), JSON) for name in names],
                lambda number, count: ("PUT", f"{MAPS}/{names[number]}", _map(names[number], count + 1), JSON))
    if job == "apply":
        return [], lambda number, count: ("PATCH", f"{MAPS}/{names[number]}?fieldManager=bench", _map(names[number], count),
                                          "application/apply-patch+yaml")
    first = [("POST", PODS, pod(name, "bench"), JSON) for name in names]
    if job == "get":
        return first, lambda number, count: ("GET", f"{PODS}/{names[number]}", b"", JSON)
    merge = "application/merge-patch+json"
    if job == "patch":
        return first, lambda number, count: ("PATCH", f"{PODS}/{names[number]}",
                                             b'{"metadata":{"annotations":{"count":"%d"}}}' % count, merge)
    if job == "status patch":
        return first, lambda number, count: ("PATCH", f"{PODS}/{names[number]}/status", b'{"status":{"message":"%d"}}' % count, merge)
    raise ValueError(job)


def _listing(count: int, namespace: str) -> tuple[list[Request], Make]:
    space = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}).encode()
    account = json.dumps({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}).encode()
    path = f"/api/v1/namespaces/{namespace}/pods"
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    first: list[Request] = [("POST", "/api/v1/namespaces", space, JSON), ("POST", accounts, account, JSON)]
    first += [("POST", path, pod(f"p-{number}", "list"), JSON) for number in range(count)]
    return first, lambda number, count: ("GET", path, b"", JSON)


def _map(name: str, count: int) -> bytes:
    data = {"k": "v" * 500, "count": str(count)}
    meta = {"name": name, "labels": {"made-by": "bench"}}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}).encode()
