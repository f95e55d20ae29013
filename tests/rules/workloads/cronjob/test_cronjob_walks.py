"""Random walks: Jobs that end well or badly or not at all, users who suspend, edit and delete, controllers that die or sleep.

At every creation of a Job: none for that time was made before, none runs beside it that must not, it is neither too late nor too early, and
the CronJob is not suspended. Whenever all is quiet: the histories are within their limits, and the status lists the Jobs that run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rules.workloads.cronjob.test_cronjob_controller import CRON_JOBS, manifest, the_cron_job
from tests.rules.workloads.job.job_world import JOBS, active, bury, end
from tests.worlds.mortal import MortalCluster, play
from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import Resource
from wherry.controllers.cronjob import CronJobController
from wherry.controllers.job import JobController
from wherry.reconcile import Controller, Parts
from wherry.rules.workloads.cronjob.job import SCHEDULED
from wherry.rules.workloads.cronjob.next_run import next_run
from wherry.rules.workloads.cronjob.schedule import schedule_of
from wherry.rules.workloads.job.finished import has_succeeded, is_finished

WALKS = int(os.environ.get("WHERRY_WALKS", "100"))
MOVES = (
    *["settle"] * 3, *["minutes"] * 4, *["finish"] * 4, "finish one", "fail", "policy", "suspend", "resume", "resume", "schedule", "zone",
    "deadline", "history", "delete job", "die", "die", "sleep", "half hour",
)  # fmt: skip
SCHEDULES = ("* * * * *", "*/2 * * * *", "*/7 * * * *", "15,45 * * * *", "30 17-19 * * *", "@hourly", "@every 90s", "0 9 31 2 *")
ZONES = (None, "Etc/UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns")
POLICIES = ("Allow", "Forbid", "Replace")
DEADLINES = (None, 0, 20, 90, 100_000)
LIMITS = (0, 1, 3, None)


class Ticks(MortalCluster):
    """Every Job that is made is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: set[float] = set()

    def make(self, parts: Parts) -> Sequence[Controller]:
        return [JobController(parts), CronJobController(parts)]

    async def on_create(self, resource: Resource, made: Obj) -> None:
        if resource is not JOBS:
            return
        self.made += 1
        cron_job, run = await the_cron_job(self), timestamps.parse(made["metadata"]["annotations"][SCHEDULED])
        fault = await self._fault(made, cron_job["spec"], run)
        if next_run(schedule_of(cron_job), run - 1) != run and not cron_job["spec"]["schedule"].startswith("@every"):
            fault = "it is not what the schedule says"
        if fault:
            self.faults.append(f"{objects.name(made)} at {timestamps.time(self.clock.now())} for {timestamps.time(run)}: {fault}")
        self.runs.add(run)

    async def _fault(self, made: Obj, spec: Obj, run: float) -> str:
        late = self.clock.now() - run
        others = [j for j in await self.running() if objects.uid(j) != objects.uid(made)]
        if run in self.runs:
            return "made twice"
        if spec["suspend"]:
            return "made although suspended"
        if late < 0 or late > spec.get("startingDeadlineSeconds", late) + 1:
            return f"{late} s late"
        return "runs beside another" if others and spec["concurrencyPolicy"] != "Allow" else ""

    async def running(self) -> list[Obj]:
        return [j for j in await self.all(JOBS) if not is_finished(j) and not objects.is_deleting(j)]


class Walk:
    def __init__(self, cluster: Ticks) -> None:
        self.cluster = cluster

    async def move(self, what: str, number: int) -> None:
        await getattr(self, "do_" + what.replace(" ", "_"))(number)

    async def edit(self, **spec: Any) -> None:
        """What is under way was meant for the CronJob as it was."""
        await self.cluster.settle(2)
        old = await the_cron_job(self.cluster)
        new = {k: v for k, v in {**old["spec"], **spec}.items() if v is not None}
        await self.cluster.client.update(CRON_JOBS, {**old, "spec": new})
        await self.cluster.settle(2)

    async def do_settle(self, number: int) -> None:
        await self.cluster.settle(1 + number % 20)

    async def do_minutes(self, number: int) -> None:
        await self.cluster.settle(60 * (1 + number % 3))

    async def do_half_hour(self, number: int) -> None:
        await self.cluster.settle(1800)

    async def do_finish(self, number: int) -> None:
        for pod in await active(self.cluster):
            await end(self.cluster, pod)

    async def do_finish_one(self, number: int) -> None:
        for pod in (await active(self.cluster))[:1]:
            await end(self.cluster, pod)

    async def do_fail(self, number: int) -> None:
        for pod in (await active(self.cluster))[:2]:
            await end(self.cluster, pod, 1)

    async def do_policy(self, number: int) -> None:
        await self.edit(concurrencyPolicy=POLICIES[number % 3])

    async def do_suspend(self, number: int) -> None:
        await self.edit(suspend=True)

    async def do_resume(self, number: int) -> None:
        await self.edit(suspend=False)

    async def do_schedule(self, number: int) -> None:
        await self.edit(schedule=SCHEDULES[number % len(SCHEDULES)])

    async def do_zone(self, number: int) -> None:
        await self.edit(timeZone=ZONES[number % len(ZONES)])

    async def do_deadline(self, number: int) -> None:
        await self.edit(startingDeadlineSeconds=DEADLINES[number % len(DEADLINES)])

    async def do_history(self, number: int) -> None:
        await self.edit(successfulJobsHistoryLimit=LIMITS[number % 4], failedJobsHistoryLimit=LIMITS[number // 4 % 4])

    async def do_delete_job(self, number: int) -> None:
        await self.cluster.settle(2)
        jobs = sorted(await self.cluster.all(JOBS), key=objects.name)
        if jobs:
            name = objects.name(jobs[number % len(jobs)])
            await self.cluster.client.delete(JOBS, "default", name, DeleteOptions(propagation_policy="Background"))
            await self.cluster.settle(2)

    async def do_die(self, number: int) -> None:
        """Now, or before one of the next writes; nobody starts them again before this move's end or the next rest."""
        await self.cluster.restart(deadline=number % 6)

    async def do_sleep(self, number: int) -> None:
        await self.cluster.stop()
        await self.cluster.clock.sleep(60 * number)
        await self.cluster.start()

    async def check(self) -> None:
        """Everything that there is to do at this moment is done."""
        await self.cluster.settle(5)
        await bury(self.cluster)
        cron_job, jobs = await the_cron_job(self.cluster), await self.cluster.all(JOBS)
        spec, status = cron_job["spec"], cron_job.get("status") or {}
        ended = [j for j in jobs if is_finished(j) and not objects.is_deleting(j)]
        good = sum(has_succeeded(j) for j in ended)
        assert good <= spec.get("successfulJobsHistoryLimit", good)
        assert len(ended) - good <= spec.get("failedJobsHistoryLimit", len(ended))
        assert {ref["uid"] for ref in status.get("active", ())} == {objects.uid(j) for j in await self.cluster.running()}
        assert timestamps.parse(status.get("lastScheduleTime") or timestamps.time(0)) == max(self.cluster.runs, default=0)

    async def arrive(self) -> None:
        """No more faults, nothing forbidden: the next run comes, and in time."""
        await self.cluster.restart()
        await self.edit(suspend=False, schedule="*/5 * * * *", timeZone="Etc/UTC", startingDeadlineSeconds=100, concurrencyPolicy="Allow")
        await self.do_finish(0)
        await self.check()
        due = self.cluster.clock.now() // 300 * 300 + 300
        await self.cluster.settle(due + 2 - self.cluster.clock.now())
        assert max(self.cluster.runs) == due
        await self.check()


moves = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 200)), min_size=6, max_size=30)


@settings(max_examples=WALKS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(POLICIES), st.sampled_from(SCHEDULES[:4]), st.sampled_from(DEADLINES), st.sampled_from(LIMITS), moves)
def test_the_promises_hold_on_every_walk(policy: str, schedule: str, deadline: int | None, limit: int | None, moves: Any) -> None:
    async def story(cluster: Ticks) -> None:
        spec = {"schedule": schedule, "concurrencyPolicy": policy, "startingDeadlineSeconds": deadline, "successfulJobsHistoryLimit": limit}
        await cluster.client.create(CRON_JOBS, "default", manifest(**{k: v for k, v in spec.items() if v is not None}))
        await cluster.settle()
        walk = Walk(cluster)
        for what, number in moves:
            await walk.move(what, number)
            if what not in ("die", "settle"):
                await walk.check()
        await walk.arrive()

    play(Ticks, story)
