"""The Job controller on a real registry: what it writes is accepted, and every change that matters wakes it."""

from __future__ import annotations

import pytest

from tests.rules.workloads.job.job_world import (
    JOBS,
    active,
    bind,
    bury,
    conditions,
    controllers,
    counts,
    create,
    end,
    manifest,
    run,
    the_job,
)
from tests.worlds.registry import PODS, Cluster, play
from wherry.api import objects
from wherry.api.options import DeleteOptions
from wherry.rules.workloads.job.tracked import FAILURES, FINALIZER, INDEX


def test_a_job_runs_one_pod_counts_it_and_completes() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster)
        (pod,) = await active(cluster)
        assert pod["metadata"]["finalizers"] == [FINALIZER]
        assert (await the_job(cluster))["status"] == {
            "active": 1, "ready": 0, "terminating": 0, "startTime": "2025-06-15T15:06:40Z", "uncountedTerminatedPods": {},
        }  # fmt: skip
        await run(cluster, pod)
        await cluster.settle()
        assert (await the_job(cluster))["status"]["ready"] == 1
        await end(cluster, pod)
        await cluster.settle()
        job = await the_job(cluster)
        assert conditions(job) == [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]
        assert counts(job) == (0, 1, 0)
        assert job["status"]["completionTime"] == objects.condition(job, "Complete")["lastTransitionTime"]  # type: ignore[index]
        (pod,) = await cluster.all(PODS)
        assert "finalizers" not in pod["metadata"]
        told = [t.partition(":")[0] for t in await cluster.told()]
        assert told == ["SuccessfulCreate", "Completed"]

    play(controllers, story)


def test_never_more_pods_than_completions_are_missing() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, parallelism=3, completions=4)
        assert len(await active(cluster)) == 3
        for left in (3, 2, 1, 0):
            pods = await active(cluster)
            assert len(pods) == min(3, left + 1)
            await end(cluster, pods[0])
            await cluster.settle()
        assert counts(await the_job(cluster)) == (0, 4, 0)

    play(controllers, story)


def test_failed_pods_are_replaced_after_a_pause_until_the_limit() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, backoffLimit=2)
        for pause in (10, 20, None):
            (pod,) = await active(cluster)
            await end(cluster, pod, 1)
            await cluster.settle(5)
            assert await active(cluster) == []
            if pause is not None:
                await cluster.settle(pause)
        job = await the_job(cluster)
        assert conditions(job) == [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]
        assert counts(job) == (0, 0, 3)
        assert "BackoffLimitExceeded: Job has reached the specified backoff limit" in await cluster.told()

    play(controllers, story)


def test_restarts_count_against_the_limit_when_containers_restart() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(JOBS, "default", manifest(restart_policy="OnFailure", backoffLimit=2))
        await cluster.settle()
        (pod,) = await active(cluster)
        await run(cluster, pod, restarts=2)
        await cluster.settle(2)
        await bury(cluster)
        await cluster.settle()
        job = await the_job(cluster)
        assert conditions(job)[-1] == ("Failed", "BackoffLimitExceeded")
        assert await cluster.all(PODS) == []

    play(controllers, story)


def test_a_deadline_ends_the_job_and_its_pods() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, activeDeadlineSeconds=30)
        (pod,) = await active(cluster)
        await bind(cluster, pod)
        await run(cluster, pod)
        await cluster.settle(20)
        assert conditions(await the_job(cluster)) == []
        await cluster.settle(10)
        job = await the_job(cluster)
        assert conditions(job) == [("FailureTarget", "DeadlineExceeded")]
        assert job["status"]["terminating"] == 1
        await bury(cluster)
        await cluster.settle()
        assert conditions(await the_job(cluster))[-1] == ("Failed", "DeadlineExceeded")

    play(controllers, story)


def test_a_suspended_job_has_no_pods_and_starts_anew() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, parallelism=2, completions=2)
        await cluster.edit(JOBS, "work", suspend=True)
        await cluster.settle()
        await bury(cluster)
        await cluster.settle()
        job = await the_job(cluster)
        assert (conditions(job), counts(job), job["status"].get("startTime")) == ([("Suspended", "JobSuspended")], (0, 0, 0), None)
        await cluster.edit(JOBS, "work", suspend=False)
        await cluster.settle()
        assert len(await active(cluster)) == 2
        job = await the_job(cluster)
        assert (conditions(job), job["status"]["startTime"]) == ([], "2025-06-15T15:06:49Z")
        told = {t for t in await cluster.told() if "Job" in t}
        assert told == {"Suspended: Job suspended", "Resumed: Job resumed"}

    play(controllers, story)


def test_a_work_queue_completes_once_one_pod_succeeded_and_all_ended() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, parallelism=2)
        one, other = await active(cluster)
        await end(cluster, one)
        await cluster.settle()
        assert conditions(await the_job(cluster)) == []
        await end(cluster, other, 1)
        await cluster.settle()
        job = await the_job(cluster)
        assert (conditions(job)[-1][0], counts(job)) == ("Complete", (0, 1, 1))

    play(controllers, story)


def test_indexed_pods_know_their_index_and_each_index_is_done_once() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, completions=3, parallelism=3, completionMode="Indexed")
        pods = await active(cluster)
        assert [p["metadata"]["annotations"][INDEX] for p in pods] == ["0", "1", "2"]
        assert [p["spec"]["hostname"] for p in pods] == ["work-0", "work-1", "work-2"]
        assert all(objects.name(p).startswith(f"work-{i}-") for i, p in enumerate(pods))
        variable = pods[0]["spec"]["containers"][0]["env"][0]
        assert (variable["name"], variable["valueFrom"]["fieldRef"]["fieldPath"]) == ("JOB_COMPLETION_INDEX", f"metadata.labels['{INDEX}']")
        for pod in (pods[0], pods[2]):
            await end(cluster, pod)
        await end(cluster, pods[1], 1)
        await cluster.settle()
        assert (await the_job(cluster))["status"]["completedIndexes"] == "0,2"
        await cluster.settle(10)
        (again,) = await active(cluster)
        assert again["metadata"]["labels"][INDEX] == "1"
        await end(cluster, again)
        await cluster.settle()
        job = await the_job(cluster)
        assert (job["status"]["completedIndexes"], counts(job), conditions(job)[-1][0]) == ("0-2", (0, 3, 1), "Complete")

    play(controllers, story)


def test_an_index_that_failed_too_often_fails_the_job_at_the_end_only() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=1)
        zero, one = await active(cluster)
        await end(cluster, zero, 1)
        await cluster.settle(12)
        replaced = (await active(cluster))[0]
        assert replaced["metadata"]["annotations"][FAILURES] == "1"
        await end(cluster, replaced, 1)
        await cluster.settle(30)
        job = await the_job(cluster)
        assert (job["status"]["failedIndexes"], conditions(job)) == ("0", [])
        await end(cluster, one)
        await cluster.settle()
        job = await the_job(cluster)
        assert (conditions(job)[-1], job["status"]["completedIndexes"], counts(job)) == (("Failed", "FailedIndexes"), "1", (0, 1, 2))

    play(controllers, story)


def test_a_failure_policy_ignores_or_ends() -> None:
    rules = [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]

    async def story(cluster: Cluster) -> None:
        await create(cluster, podFailurePolicy={"rules": rules}, backoffLimit=0)
        (pod,) = await active(cluster)
        await end(cluster, pod, 1, "DisruptionTarget")
        await cluster.settle(15)
        assert counts(await the_job(cluster)) == (1, 0, 0)
        (pod,) = await active(cluster)
        await end(cluster, pod, 42)
        await cluster.settle()
        job = await the_job(cluster)
        failed = objects.condition(job, "Failed")
        assert failed is not None
        message = f"Container main for pod default/{objects.name(pod)} failed with exit code 42 matching FailJob rule at index 0"
        assert (failed["reason"], failed["message"], counts(job)) == ("PodFailurePolicy", message, (0, 0, 1))

    play(controllers, story)


def test_a_success_policy_ends_the_job_before_all_indexes_are_done() -> None:
    async def story(cluster: Cluster) -> None:
        policy = {"rules": [{"succeededIndexes": "1-2", "succeededCount": 1}]}
        await create(cluster, completions=3, parallelism=3, completionMode="Indexed", successPolicy=policy)
        pods = await active(cluster)
        await end(cluster, pods[2])
        for _ in range(3):
            await cluster.settle()
            await bury(cluster)
        job = await the_job(cluster)
        assert conditions(job) == [("SuccessCriteriaMet", "SuccessPolicy"), ("Complete", "SuccessPolicy")]
        assert (objects.condition(job, "Complete") or {})["message"] == "Matched rules at index 0"
        assert counts(job) == (0, 1, 0)
        assert [objects.name(p) for p in await cluster.all(PODS)] == [objects.name(pods[2])]

    play(controllers, story)


@pytest.mark.parametrize(("policy", "at_once"), [("TerminatingOrFailed", 2), ("Failed", 1)])
def test_a_terminating_pod_is_replaced_when_the_policy_says(policy: str, at_once: int) -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, podReplacementPolicy=policy, parallelism=2, completions=2)
        pod = (await active(cluster))[0]
        await bind(cluster, pod)
        await cluster.client.delete(PODS, "default", objects.name(pod), DeleteOptions(grace_period_seconds=60))
        await cluster.settle(15)
        assert len(await active(cluster)) == at_once

    play(controllers, story)


def test_somebody_else_may_manage_a_job() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, managedBy="example.com/other")
        assert await cluster.all(PODS) == []
        assert (await the_job(cluster))["status"] == {}

    play(controllers, story)


def test_an_orphaned_pod_loses_its_finalizer() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster)
        (pod,) = await active(cluster)
        await cluster.client.delete(JOBS, "default", "work", DeleteOptions(propagation_policy="Background"))
        await cluster.settle()
        (pod,) = await cluster.all(PODS)
        assert "finalizers" not in pod["metadata"]

    play(controllers, story)


def test_a_finished_job_is_deleted_when_its_time_is_up() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, ttlSecondsAfterFinished=60)
        (pod,) = await active(cluster)
        await end(cluster, pod)
        await cluster.settle(50)
        assert conditions(await the_job(cluster))
        await cluster.edit(JOBS, "work", ttlSecondsAfterFinished=100)
        await cluster.settle(40)
        assert not objects.is_deleting(await the_job(cluster))
        await cluster.settle(20)
        job = await the_job(cluster)  # here nobody deletes the pods that it waits for
        assert (objects.is_deleting(job), job["metadata"]["finalizers"]) == (True, ["foregroundDeletion"])

    play(controllers, story)


def test_a_job_made_smaller_ends_pods_without_counting_them() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, parallelism=3, completions=3, backoffLimit=0)
        await cluster.edit(JOBS, "work", parallelism=1)
        await cluster.settle()
        await bury(cluster)
        await cluster.settle()
        assert counts(await the_job(cluster)) == (1, 0, 0)

    play(controllers, story)


def test_a_pod_whose_last_finalizer_went_is_no_ghost() -> None:
    async def story(cluster: Cluster) -> None:
        await create(cluster, parallelism=2, completions=2)
        pods = await active(cluster)
        for pod in pods:
            await cluster.client.delete(PODS, "default", objects.name(pod))
        await cluster.settle(30)
        known = sorted(cluster.informers.of(PODS).names())
        assert known == sorted(map(objects.key, await cluster.all(PODS)))
        assert len(known) == 2

    play(controllers, story)
