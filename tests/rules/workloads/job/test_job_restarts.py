"""The Job controller dies before every single write of a Job in turn: no pod is lost, counted twice or made in vain."""

from __future__ import annotations

from tests.rules.workloads.job.job_world import active, bury, conditions, counts, create, end, the_job
from tests.rules.workloads.job.mortal import MortalCluster, play
from tests.worlds.registry import PODS
from wherry.api import objects
from wherry.rules.workloads.job.tracked import INDEX


async def plain(cluster: MortalCluster) -> None:
    """One pod fails, all others succeed."""
    await create(cluster, parallelism=2, completions=3)
    await cluster.settle()
    await end(cluster, (await active(cluster))[0], 1)
    for _ in range(5):
        await cluster.settle(15)
        for pod in await active(cluster):
            await end(cluster, pod)
    await cluster.settle()
    job = await the_job(cluster)
    assert (counts(job), [c[0] for c in conditions(job)]) == ((0, 3, 1), ["SuccessCriteriaMet", "Complete"])


async def indexed(cluster: MortalCluster) -> None:
    """Index 1 fails twice, which is too often; the others succeed."""
    await create(cluster, parallelism=3, completions=3, completionMode="Indexed", backoffLimitPerIndex=1)
    await cluster.settle()
    for _ in range(5):
        for pod in await active(cluster):
            await end(cluster, pod, 1 if objects.annotations_of(pod)[INDEX] == "1" else 0)
        await cluster.settle(15)
    job = await the_job(cluster)
    status = job["status"]
    assert (status["completedIndexes"], status["failedIndexes"], counts(job)) == ("0,2", "1", (0, 2, 2))
    assert conditions(job)[-1] == ("Failed", "FailedIndexes")


async def given_up(cluster: MortalCluster) -> None:
    """One failure is one too many: the pod that still runs goes, and counts as failed."""
    await create(cluster, parallelism=2, completions=2, backoffLimit=0)
    await cluster.settle()
    await end(cluster, (await active(cluster))[0], 1)
    for _ in range(3):
        await cluster.settle()
        await bury(cluster)
    job = await the_job(cluster)
    assert (counts(job), conditions(job)[-1]) == ((0, 0, 2), ("Failed", "BackoffLimitExceeded"))
    assert len(await cluster.all(PODS)) == 1


def test_a_crash_before_any_write_changes_nothing_in_the_end() -> None:
    for story, pods in ((plain, 4), (indexed, 4), (given_up, 2)):
        without = play(story)
        assert without.made == pods
        for at in range(without.writes):
            crashed = play(story, deadline=at)
            assert crashed.made == pods, f"{story.__name__}: after a crash before write {at}"
