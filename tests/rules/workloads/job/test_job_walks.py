"""Random walks: pods that succeed, fail, vanish; users who suspend, scale and delete pods; a controller that dies between two writes.

After every step: never more pods than `parallelism` (checked at each creation), no pod counted twice, counts only grow, the limit ends the
Job. At the end all faults stop, and the Job must complete or have failed for a reason that is true.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rules.workloads.job.job_world import JOBS, active, bind, bury, conditions, end, manifest, phase, run, the_job
from tests.rules.workloads.job.mortal import MortalCluster, play
from tests.worlds.registry import PODS
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.rules.workloads.job import indexes
from wherry.rules.workloads.job.finished import is_finished

WALKS = int(os.environ.get("WHERRY_WALKS", "100"))

MOVES = (*["settle"] * 3, *["succeed"] * 3, *["fail"] * 2, "ignored", "bury", "run", "vanish", "suspend", "resume", "scale", "die", "wait")
POLICY = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}
KINDS: tuple[dict[str, Any], ...] = (
    {"completions": 4}, {"completions": 1}, {}, {"completions": 3, "podReplacementPolicy": "Failed"},
    {"completions": 3, "podFailurePolicy": POLICY}, {"completions": 4, "completionMode": "Indexed"},
    {"completions": 4, "completionMode": "Indexed", "backoffLimitPerIndex": 1, "maxFailedIndexes": 2},
    {"completions": 4, "completionMode": "Indexed", "successPolicy": {"rules": [{"succeededIndexes": "0-2", "succeededCount": 2}]}},
)  # fmt: skip


class Walk:
    def __init__(self, cluster: MortalCluster, limit: int | None) -> None:
        self.cluster, self.limit = cluster, limit
        self.succeeded: dict[str, Obj] = {}
        self.failed: dict[str, Obj] = {}
        self.last = (0, 0)

    async def picked(self, number: int) -> Obj | None:
        pods = await active(self.cluster)
        return pods[number % len(pods)] if pods else None

    async def move(self, what: str, number: int) -> None:
        if what in ("succeed", "fail", "ignored", "run", "vanish"):
            pod = await self.picked(number)
            if pod is not None:
                await getattr(self, what)(pod)
        else:
            await getattr(self, what)(number)

    async def succeed(self, pod: Obj) -> None:
        self.succeeded[objects.uid(pod)] = pod
        await end(self.cluster, pod)

    async def fail(self, pod: Obj) -> None:
        self.failed[objects.uid(pod)] = pod
        await end(self.cluster, pod, 1)

    async def ignored(self, pod: Obj) -> None:
        self.failed[objects.uid(pod)] = pod
        await end(self.cluster, pod, 1, "DisruptionTarget")

    async def run(self, pod: Obj) -> None:
        if not pod["spec"].get("nodeName"):
            await bind(self.cluster, pod)
            await run(self.cluster, pod)

    async def vanish(self, pod: Obj) -> None:
        await self.cluster.client.delete(PODS, "default", objects.name(pod), DeleteOptions(grace_period_seconds=30))

    async def settle(self, number: int) -> None:
        await self.cluster.settle(1 + number % 4)

    async def wait(self, number: int) -> None:
        await self.cluster.settle(20 + number % 700)

    async def bury(self, number: int) -> None:
        await bury(self.cluster)

    async def suspend(self, number: int) -> None:
        if not is_finished(await the_job(self.cluster)):
            await self.cluster.edit(JOBS, "work", suspend=True)

    async def resume(self, number: int) -> None:
        await self.cluster.edit(JOBS, "work", suspend=False)

    async def scale(self, number: int) -> None:
        await self.cluster.settle(1.5)  # what is under way was meant for the old number
        await self.cluster.edit(JOBS, "work", parallelism=number % 5)
        await self.cluster.settle(1)

    async def die(self, number: int) -> None:
        await self.cluster.restart(deadline=number % 7)

    async def check(self) -> None:
        job = await the_job(self.cluster)
        status, indexed = job["status"], job["spec"]["completionMode"] == "Indexed"
        lists = status.get("uncountedTerminatedPods") or {}
        succeeded = status.get("succeeded", 0) + len(lists.get("succeeded", ()))
        failed = status.get("failed", 0) + len(lists.get("failed", ()))
        assert succeeded <= len(self.succeeded), "a success was counted twice"
        assert failed <= self.cluster.made - (0 if indexed else succeeded), "a failure was counted twice"
        assert (status.get("succeeded", 0), status.get("failed", 0)) >= self.last
        self.last = (status.get("succeeded", 0), status.get("failed", 0))
        if indexed:
            done = indexes.parse(status.get("completedIndexes") or "", 4)
            assert indexes.total(done) == status.get("succeeded", 0)
            assert indexes.common(done, indexes.parse(status.get("failedIndexes") or "", 4)) == 0
        if is_finished(job):
            assert (status.get("active", 0), lists) == (0, {})

    async def arrive(self) -> None:
        """No more faults: what runs succeeds."""
        await self.cluster.restart()
        await self.cluster.edit(JOBS, "work", suspend=False, parallelism=2)
        for _ in range(40):
            if is_finished(await the_job(self.cluster)):
                break
            await self.cluster.settle(700)
            await bury(self.cluster)
            for pod in await active(self.cluster):
                await self.succeed(pod)
            await self.cluster.settle()
            await self.check()
        await self.judge(await the_job(self.cluster))

    async def judge(self, job: Obj) -> None:
        assert is_finished(job), "it never ends"
        (kind, reason), status, spec = conditions(job)[-1], job["status"], job["spec"]
        if kind == "Complete":
            wanted = {"CompletionsReached": spec.get("completions", 1), "SuccessPolicy": 2}[reason]
            assert status["succeeded"] >= wanted
        elif reason == "BackoffLimitExceeded":
            assert status["failed"] > spec["backoffLimit"]
        elif reason == "MaxFailedIndexesExceeded":
            assert indexes.total(indexes.parse(status["failedIndexes"], 4)) > spec["maxFailedIndexes"]
        else:
            assert (reason, bool(status["failedIndexes"])) == ("FailedIndexes", True)
        await self.cluster.settle()
        pods = await self.cluster.all(PODS)
        assert all(not p["metadata"].get("finalizers") for p in pods)
        assert all(objects.is_deleting(p) or phase(p) in ("Succeeded", "Failed") for p in pods)


@settings(max_examples=WALKS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(KINDS), st.integers(1, 4), st.sampled_from([0, 1, 3, None]),
    st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 1000)), min_size=8, max_size=40),
)  # fmt: skip
def test_the_promises_hold_on_every_walk(kind: dict[str, Any], parallelism: int, limit: int | None, moves: list[tuple[str, int]]) -> None:
    async def story(cluster: MortalCluster) -> None:
        walk = Walk(cluster, limit)
        spec = {**kind, "parallelism": parallelism, **({} if limit is None or "backoffLimitPerIndex" in kind else {"backoffLimit": limit})}
        await cluster.client.create(JOBS, "default", manifest(**spec))
        await cluster.settle()
        for what, number in moves:
            await walk.move(what, number)
            await walk.check()
        await walk.arrive()

    play(story)
