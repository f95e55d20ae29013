"""Random rollouts, played first and then really done: on simulated nodes in real time, seen with the same eyes."""

from __future__ import annotations

import asyncio
import math
import random
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.rehearse import Change, Conditions, Report, Timings, World, read, rehearse, rehearsed
from wherry.rehearse.observer import Observer
from wherry.rollout import Rollout

KINDS = {kind: resource(kind.lower() + "s", "apps") for kind in ("Deployment", "StatefulSet", "DaemonSet")}
#: how long after its epoch a rehearsal begins
SETTLING = 0.01
#: the part of a second at which rollouts begin
PHASE = 0.2
PATCH = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "app:2"}]}}}}


@dataclass(frozen=True, slots=True)
class Case:
    """`apart`: no two of its pods on one node."""

    name: str
    kind: str
    replicas: int
    spec: Obj
    ready: float
    terminate: float
    apart: bool = False

    @property
    def target(self) -> str:
        return f"{self.kind.lower()}/{self.name}"

    def workload(self) -> Obj:
        marks = {"wherry.dev/simulated-ready-seconds": str(self.ready), "wherry.dev/simulated-termination-seconds": str(self.terminate)}
        template: Obj = {
            "metadata": {"labels": {"app": self.name}, "annotations": marks},
            "spec": {"containers": [{"name": "c", "image": "app:1", "imagePullPolicy": "IfNotPresent"}]},
        }
        if self.apart:
            term = {"labelSelector": {"matchLabels": {"app": self.name}}, "topologyKey": "kubernetes.io/hostname"}
            template["spec"]["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        spec: Obj = {"selector": {"matchLabels": {"app": self.name}}, "template": template, **self.spec}
        if self.kind != "DaemonSet":
            spec["replicas"] = self.replicas
        if self.kind == "StatefulSet":
            spec["serviceName"] = self.name
        return {"apiVersion": "apps/v1", "kind": self.kind, "metadata": {"name": self.name}, "spec": spec}


class Outcome(NamedTuple):
    case: Case
    predicted: Report
    duration: float
    lowest: int
    most: int

    @property
    def off(self) -> float:
        """How wrong the duration is, as a share of the real one."""
        return abs((self.predicted.duration or 0.0) - self.duration) / self.duration

    def __str__(self) -> str:
        p = self.predicted
        return (
            f"{self.case.name} {self.case.kind} x{self.case.replicas} {self.case.spec}: predicted {p.duration} s, {p.lowest_available} "
            f"available, {p.most_pods} pods; real {self.duration:.3f} s, {self.lowest}, {self.most} ({self.off:.1%})"
        )


class Done(NamedTuple):
    """A rollout that happened: from which world, when it began, and (duration, fewest available, most pods)."""

    case: Case
    world: World
    began: float
    seen: tuple[float, int, int]


def random_case(rng: random.Random, number: int, scale: float) -> Case:
    """`scale`: a pod takes between one and two times that many seconds to become ready."""
    kind = rng.choice(["Deployment", "Deployment", "Deployment", "StatefulSet", "DaemonSet"])
    replicas = rng.randint(1, 12) if kind == "Deployment" else rng.randint(1, 4)
    ready, terminate = round(rng.uniform(1.0, 2.0) * scale, 2), round(rng.choice([0.0, 0.5, 1.0]) * scale, 2)
    spec: Obj = {}
    if kind == "Deployment":
        surge, unavailable = rng.choice([0, 1, 2, "25%", "50%", "100%"]), rng.choice([0, 1, 2, "25%", "50%"])
        if surge == 0 and (unavailable == 0 or isinstance(unavailable, str)):
            unavailable = 1
        spec["strategy"] = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
        variant = rng.random()
        if variant < 0.1:
            spec["strategy"] = {"type": "Recreate"}
        elif variant < 0.25:
            # times are kept in whole seconds: away from their edges, so that a few milliseconds do not make one of them
            spec["minReadySeconds"], ready = rng.randint(1, 2), round(rng.randint(1, 2) * scale) + round(rng.uniform(0.3, 0.55), 2)
        elif variant < 0.4:
            replicas, spec["strategy"] = 3, {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": 1}}
            return Case(f"case-{number}", kind, replicas, spec, ready, terminate, apart=True)
    elif kind == "DaemonSet":
        surge = rng.choice([0, 1])
        spec["updateStrategy"] = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0 if surge else rng.choice([1, 2, "50%"])}}
    elif rng.random() < 0.3:
        spec["updateStrategy"] = {"rollingUpdate": {"partition": rng.randint(0, replicas - 1)}}
    return Case(f"case-{number}", kind, replicas, spec, ready, terminate)


async def predict_and_do(cases: list[Case]) -> list[Outcome]:
    """One cluster for all. First everything is predicted, then done: predictions take the time that runs need."""
    async with Cluster(serve=False, nodes=3, seed=7, routine_events=False) as cluster:
        for case in cases:
            await cluster.aclient.create(KINDS[case.kind], "default", case.workload())
        for case in cases:
            await Rollout(cluster.aclient, case.target).wait(60)
        worlds = [await read(cluster.aclient, case.target) for case in cases]
        predicted = [await _predict(world, case) for world, case in zip(worlds, cases, strict=True)]
        # all begin at the same part of a second as their predictions, one every second
        await asyncio.sleep((PHASE - time.time()) % 1.0)
        done = await asyncio.gather(*(_done(cluster, world, case, i) for i, (world, case) in enumerate(zip(worlds, cases, strict=True))))
        return [Outcome(case, report, *seen) for case, report, seen in zip(cases, predicted, done, strict=True)]


async def do_on_virtual_time(cases: list[Case]) -> list[Done]:
    """The same without waiting: one after the other, each on what the ones before left."""
    found = []
    async with Cluster(serve=False, nodes=3, seed=7, routine_events=False) as cluster:
        for case in cases:
            await cluster.aclient.create(KINDS[case.kind], "default", case.workload())
        for case in cases:
            await Rollout(cluster.aclient, case.target).wait(600)
            await cluster.clock.sleep(60)
            world, began = await read(cluster.aclient, case.target), cluster.clock.now()
            found.append(Done(case, world, began, await _done(cluster, world, case, 0.0)))
    return found


def predict_afterwards(done: Done) -> Outcome:
    case = done.case
    given = Conditions(Timings(ready=(case.ready,), terminate=case.terminate), epoch=done.began - SETTLING)
    return Outcome(case, rehearse(done.world, Change(images={"*": "app:2"}), conditions=given), *done.seen)


async def _predict(world: World, case: Case) -> Report:
    given = Conditions(Timings(ready=(case.ready,), terminate=case.terminate), epoch=math.floor(time.time()) + PHASE)
    return await rehearsed(world, Change(images={"*": "app:2"}), conditions=given)


async def _done(cluster: Cluster, world: World, case: Case, wait: float) -> tuple[float, int, int]:
    await asyncio.sleep(wait)
    observer = Observer(world, cluster.informers, cluster.clock)
    observer.attach()
    observer.start()
    await cluster.aclient.patch(KINDS[case.kind], "default", case.name, PATCH, "application/strategic-merge-patch+json")
    async with asyncio.timeout(1800):
        while observer.done_at is None:
            observer.changed.clear()
            await observer.changed.wait()
    counts: list[Any] = [c for c in observer.counts if c.at <= observer.done_at]
    return observer.done_at, min(c.available for c in counts), max(c.pods for c in counts)
