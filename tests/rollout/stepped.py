"""Workloads of each kind in a cluster on virtual time, rolled out in steps, and a judge who counts the new pods at every moment.

The judge asks no rule of wherry's: a step allows its percentage of the wanted pods, rounded down but one at least; how far the steps are is
what the annotation says, and after the last step (or an abort) everything is allowed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.rollout.workloads import template
from tests.worlds.mortal import Mortal
from wherry import Cluster
from wherry.api.objects import Obj, annotations_of, is_deleting
from wherry.kit.virtual import run_virtual
from wherry.rollout import Rollout, Steps
from wherry.rollout.mirror import Mirror
from wherry.rollout.step_driver import Driver
from wherry.rollout.targets import DAEMON_SETS, DEPLOYMENTS, PODS, STATEFUL_SETS, Named, parse

GOOD, BAD = "nginx:2", "nginx:999.1"  # of the second no image can be pulled
KINDS = {"deployment/web": DEPLOYMENTS, "sts/web": STATEFUL_SETS, "ds/web": DAEMON_SETS}
STATE = "wherry.dev/rollout-state"


def manifest(shown: str, replicas: int, **spec: Any) -> Obj:
    row = KINDS[shown]
    body: Obj = {"selector": {"matchLabels": {"app": "web"}}, "template": template(), **spec}
    if row is not DAEMON_SETS:
        body["replicas"] = replicas
    if row is STATEFUL_SETS:
        body["serviceName"] = "web"
    return {"apiVersion": "apps/v1", "kind": row.kind, "metadata": {"name": "web", "namespace": "default"}, "spec": body}


def image(obj: Obj) -> str:
    return str((obj["spec"].get("template") or obj)["spec"]["containers"][0]["image"])


class World:
    """`faults`: moments in which there were more new pods than the step allows."""

    def __init__(self, cluster: Cluster, shown: str) -> None:
        self.cluster, self.shown, self.row = cluster, shown, KINDS[shown]
        self.client = cluster.aclient
        self.target: Named = parse(shown)
        self.steps = Steps(self.client, shown, now=cluster.own_clock.now)
        self.rollout = Rollout(self.client, shown, now=cluster.own_clock.now)
        self.faults: list[str] = []
        self.most_new = 0
        self.stable = "nginx:1"
        self.before: Obj = {}

    async def workload(self) -> Obj:
        return await self.client.get(self.row, "default", "web")

    async def create(self, replicas: int, **spec: Any) -> None:
        await self.client.create(self.row, "default", manifest(self.shown, replicas, **spec))
        await self.rollout.wait(60)
        self.before = (await self.workload())["spec"]

    async def running(self) -> list[Obj]:
        return [pod for pod in (await self.client.list(PODS, "default")).items if not is_deleting(pod)]

    async def images(self) -> list[str]:
        return sorted(image(pod) for pod in await self.running())

    def driver(self, deadline: int | None = None) -> tuple[Driver, Mortal]:
        client = Mortal(self.cluster.registry)
        client.deadline = deadline
        return Driver(client, self.target, "default", now=self.cluster.own_clock.now), client

    async def judge(self) -> None:
        """For ever: after whatever moves a pod or the workload."""
        changed = asyncio.Event()
        workloads, pods = (Mirror(self.client, row, "default", changed) for row in (self.row, PODS))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(workloads.run())
            tasks.create_task(pods.run())
            while True:
                await changed.wait()
                changed.clear()
                for workload in workloads.values():
                    self._count(workload, [pod for pod in pods.values() if not is_deleting(pod)])

    def _count(self, workload: Obj, pods: list[Obj]) -> None:
        state = json.loads(annotations_of(workload).get(STATE, "{}"))
        new = sum(image(pod) != self.stable for pod in pods)
        if state.get("phase") in (None, "finishing", "done", "aborting", "aborted"):
            return
        steps = [step.strip() for step in annotations_of(workload)["wherry.dev/rollout-steps"].split(",")]
        shares = [int(step[:-1]) for step in steps[: state.get("step", 0) + 1] if step.endswith("%")]
        if not shares:
            return  # a preview has none
        wanted = workload["spec"].get("replicas") or workload["status"].get("desiredNumberScheduled", 0)
        self.most_new = max(self.most_new, new)
        if new > max(1, wanted * shares[-1] // 100):
            self.faults.append(f"{new} new pods of {wanted} at {state}")

    async def drive(self, deaths: list[int], pause: float = 7.0) -> Any:
        """Until the steps are over; the n-th driver is killed after `deaths[n]` writes. Writes of the last one, and the status."""
        for death in deaths:
            driver, client = self.driver(death)
            run = asyncio.create_task(driver.run())
            await asyncio.wait({run, asyncio.create_task(died(client))}, return_when=asyncio.FIRST_COMPLETED)
            if run.done():
                return client.writes, run.result()
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
            await asyncio.sleep(pause)
        driver, client = self.driver()
        status = await asyncio.wait_for(driver.run(), 4000)
        return client.writes, status

    async def is_as_before(self) -> bool:
        """Every field of the spec but the template (and the replicas, which others may have scaled) is as its owner wrote it."""
        now = (await self.workload())["spec"]
        return all(now.get(key) == self.before.get(key) for key in {*now, *self.before} - {"template", "replicas"})


async def died(client: Mortal) -> None:
    while not client.is_dead:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.1)


def play(shown: str, scenario: Callable[[World], Awaitable[None]], *, nodes: int = 5, **options: Any) -> World:
    kept: list[World] = []

    async def whole() -> None:
        async with Cluster(nodes=nodes, serve=False, seed=1, epoch=1_767_225_600.0, ready_seconds=2, **options) as cluster:
            world = World(cluster, shown)
            kept.append(world)
            judge = asyncio.create_task(world.judge())
            try:
                await scenario(world)
            finally:
                judge.cancel()
            assert world.faults == [], world.faults[:3]

    run_virtual(whole(), epoch=1_767_225_600.0)
    return kept[0]
