"""The CronJob controller on a real registry and virtual time: Jobs come when they are due, and go when they are old."""

from __future__ import annotations

from typing import Any

from tests.rules.workloads.job.job_world import JOBS, active, bury, end
from tests.rules.workloads.job.job_world import manifest as job_manifest
from tests.worlds.registry import Cluster, play
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import resource
from wherry.controllers.cronjob import CronJobController
from wherry.controllers.job import JobController
from wherry.reconcile import Controller, Parts

CRON_JOBS = resource("cronjobs", "batch")
#: the stories begin at 2025-06-15T15:06:40Z
FIRST_MINUTE = 20 + 3


def controllers(parts: Parts) -> list[Controller]:
    return [JobController(parts), CronJobController(parts)]


def manifest(**spec: Any) -> Obj:
    template = {"spec": job_manifest()["spec"], "metadata": {"labels": {"app": "tick"}}}
    spec = {"schedule": "* * * * *", "jobTemplate": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick", "namespace": "default"}, "spec": spec}


async def create(cluster: Cluster, **spec: Any) -> None:
    await cluster.client.create(CRON_JOBS, "default", manifest(**spec))


async def the_cron_job(cluster: Cluster) -> Obj:
    return await cluster.client.get(CRON_JOBS, "default", "tick")


async def jobs(cluster: Cluster) -> list[str]:
    return sorted(objects.name(j) for j in await cluster.all(JOBS) if not objects.is_deleting(j))


async def finish_all(cluster: Cluster, exit_code: int = 0) -> None:
    for pod in await active(cluster):
        await end(cluster, pod, exit_code)


def test_a_job_starts_every_minute_and_its_end_is_seen() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster)
        await cluster.settle(10)
        assert await jobs(cluster) == []
        await cluster.settle(FIRST_MINUTE - 10)
        (name,) = await jobs(cluster)
        assert name == "tick-29166667"
        (job,) = await cluster.all(JOBS)
        assert job["metadata"]["annotations"] == {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2025-06-15T15:07:00Z"}
        assert (job["metadata"]["labels"]["app"], objects.is_controlled_by(job, await the_cron_job(cluster))) == ("tick", True)
        status = (await the_cron_job(cluster))["status"]
        assert ([ref["name"] for ref in status["active"]], status["lastScheduleTime"]) == ([name], "2025-06-15T15:07:00Z")
        await finish_all(cluster)
        await cluster.settle(5)
        status = (await the_cron_job(cluster))["status"]
        assert "active" not in status
        assert status["lastSuccessfulTime"] == "2025-06-15T15:07:04Z"
        await cluster.settle(60)
        assert await jobs(cluster) == [name, "tick-29166668"]
        told = [t for t in await cluster.told() if "tick-29166667" in t and "pod" not in t]
        seen = "SawCompletedJob: Saw completed job: tick-29166667, condition: Complete"
        assert told == ["SuccessfulCreate: Created job tick-29166667", seen]

    play(controllers, story)


def test_only_as_many_old_jobs_stay_as_the_limits_say() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, successfulJobsHistoryLimit=2, failedJobsHistoryLimit=1)
        await cluster.settle(FIRST_MINUTE)
        for code in (0, 0, 0, 0):
            await finish_all(cluster, code)
            await cluster.settle(60)
        assert await jobs(cluster) == ["tick-29166669", "tick-29166670", "tick-29166671"]
        assert "SuccessfulDelete: Deleted job tick-29166667" in await cluster.told()

    play(controllers, story)


def test_a_running_job_forbids_the_next() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, concurrencyPolicy="Forbid")
        await cluster.settle(FIRST_MINUTE + 120)
        assert await jobs(cluster) == ["tick-29166667"]
        message = "JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid"
        assert message in await cluster.told()
        await finish_all(cluster)
        await cluster.settle(5)
        assert len(await jobs(cluster)) == 2  # the last missed run starts now

    play(controllers, story)


def test_a_running_job_is_replaced_by_the_next() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, concurrencyPolicy="Replace")
        await cluster.settle(FIRST_MINUTE + 60)
        await bury(cluster)
        assert await jobs(cluster) == ["tick-29166668"]
        assert [ref["name"] for ref in (await the_cron_job(cluster))["status"]["active"]] == ["tick-29166668"]

    play(controllers, story)


def test_jobs_run_beside_each_other_otherwise() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster)
        await cluster.settle(FIRST_MINUTE + 120)
        assert len(await jobs(cluster)) == 3
        assert len((await the_cron_job(cluster))["status"]["active"]) == 3

    play(controllers, story)


def test_a_suspended_one_starts_nothing_and_catches_up_with_one_job() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, suspend=True)
        await cluster.settle(600)
        assert await jobs(cluster) == []
        await cluster.edit(CRON_JOBS, "tick", suspend=False)
        await cluster.settle(1)
        assert await jobs(cluster) == ["tick-29166676"]

    play(controllers, story)


def test_a_run_that_is_too_late_is_missed() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, schedule="0 * * * *", suspend=True, startingDeadlineSeconds=30)
        await cluster.settle(3600)
        await cluster.edit(CRON_JOBS, "tick", suspend=False)
        await cluster.settle(1)
        assert await jobs(cluster) == []
        await cluster.settle(3600)
        assert await jobs(cluster) == ["tick-29166780"]

    play(controllers, story)


def test_a_job_that_somebody_deleted_goes_missing() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, concurrencyPolicy="Forbid")
        await cluster.settle(FIRST_MINUTE)
        await cluster.client.delete(JOBS, "default", "tick-29166667", DeleteOptions(propagation_policy="Background"))
        await cluster.settle(10)
        assert "active" not in (await the_cron_job(cluster))["status"]
        assert "MissingJob: Active job went missing: tick-29166667" in await cluster.told()

    play(controllers, story)


def test_a_schedule_in_a_zone_is_written_on_the_job() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, schedule="0 18 * * *", timeZone="Europe/Berlin")
        await cluster.settle(3600)
        (job,) = await cluster.all(JOBS)
        assert list(job["metadata"]["annotations"].values()) == ["2025-06-15T18:00:00+02:00"]

    play(controllers, story)
