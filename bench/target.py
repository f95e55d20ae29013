"""A rollout on any API server: a Deployment on simulated nodes of ours, run by that server's own controllers and scheduler.

Called by `rollout` with a kubeconfig. The nodes are `wherry node --runtime simulated`, in a process of their own. What was made is removed
again. The scheduler may use other nodes too: give it a cluster that has none, or whose own are cordoned.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH, DeleteOptions
from wherry.api.resources import resource
from wherry.client.http import HttpClient
from wherry.client.kubeconfig import Overrides, load
from wherry.cluster.thread import new_loop

DEPLOYMENTS, PODS, NODES = resource("deployments", "apps"), resource("pods"), resource("nodes")
CHANGE = {"spec": {"template": {"metadata": {"labels": {"version": "2"}}}}}
#: seconds until a rollout is given up, and between two looks
LIMIT = 600.0
PAUSE = 0.05


def rollout(kubeconfig: str, web: Obj, nodes: int) -> tuple[float, float]:
    """Seconds to create and to roll. Raises TimeoutError."""
    loop = new_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(_rollout(kubeconfig, web, nodes), LIMIT))
    finally:
        loop.close()


async def _rollout(kubeconfig: str, web: Obj, nodes: int) -> tuple[float, float]:
    name, replicas = web["metadata"]["name"], web["spec"]["replicas"]
    access = load(Overrides(kubeconfig=kubeconfig))
    async with HttpClient(access, manager="bench") as client, _nodes(client, kubeconfig, nodes, 2 * replicas):
        try:
            begun = time.perf_counter()
            await client.create(DEPLOYMENTS, "default", web)
            await _complete(client, name, replicas)
            create = time.perf_counter() - begun
            begun = time.perf_counter()
            await client.patch(DEPLOYMENTS, "default", name, CHANGE, MERGE_PATCH)
            await _complete(client, name, replicas)
            return create, time.perf_counter() - begun
        finally:
            await client.delete(DEPLOYMENTS, "default", name, DeleteOptions(propagation_policy="Background"))
            while await _pods(client):
                await asyncio.sleep(PAUSE)


@asynccontextmanager
async def _nodes(client: HttpClient, kubeconfig: str, count: int, pods: int) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "wherry.cli.main", "node", "--runtime", "simulated", "--kubeconfig", kubeconfig,
               "--nodes", str(count), "--pods-per-node", str(min(pods, 16000))]
    agent = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ})
    try:
        while not await _all_ready(client, count):
            if agent.poll() is not None:
                raise RuntimeError(f"the simulated nodes ended with status {agent.returncode}")
            await asyncio.sleep(PAUSE)
        yield
    finally:
        agent.send_signal(signal.SIGTERM)
        await asyncio.to_thread(agent.wait, 20)
        for number in range(count):
            try:
                await client.delete(NODES, "", f"sim-{number}")
            except NotFound:
                continue


async def _all_ready(client: HttpClient, count: int) -> bool:
    found = (await client.list(NODES)).items
    ready = [n for n in found if any(c["type"] == "Ready" and c["status"] == "True" for c in n.get("status", {}).get("conditions", ()))]
    return len([n for n in ready if n["metadata"]["name"].startswith("sim-") and not n["spec"].get("taints")]) == count


async def _complete(client: HttpClient, name: str, replicas: int) -> None:
    while True:
        web = await client.get(DEPLOYMENTS, "default", name)
        status: dict[str, Any] = web.get("status") or {}
        same = all(status.get(k) == replicas for k in ("replicas", "updatedReplicas", "availableReplicas"))
        if same and status.get("observedGeneration") == web["metadata"]["generation"] and await _pods(client) == replicas:
            return
        await asyncio.sleep(PAUSE)


async def _pods(client: HttpClient) -> int:
    listing = await client.list(PODS, "default", label_selector="app=a", limit=1)
    if listing.continue_token and not listing.remaining:  # a server does not count what a selector filters
        return len((await client.list(PODS, "default", label_selector="app=a")).items)
    return len(listing.items) + listing.remaining
