"""The controllers of CronJobs and Jobs die before every single write in turn: no run is made twice, and none forgotten."""

from __future__ import annotations

import pytest

from tests.rules.workloads.cronjob.test_cronjob_controller import CRON_JOBS, finish_all, manifest, the_cron_job
from tests.rules.workloads.cronjob.test_cronjob_walks import Ticks
from tests.rules.workloads.job.job_world import JOBS, bury
from tests.worlds.mortal import play
from wherry.api import objects
from wherry.rules.workloads.job.finished import is_finished


async def until(cluster: Ticks, moment: float) -> None:
    """Who died is replaced soon."""
    while cluster.clock.now() < moment:
        await cluster.settle(min(20.0, moment - cluster.clock.now()))


@pytest.mark.parametrize("policy", ["Allow", "Forbid", "Replace"])
def test_a_crash_before_any_write_changes_nothing_in_the_end(policy: str) -> None:
    ends: list[object] = []

    async def story(cluster: Ticks) -> None:
        """Two runs that end well, one that runs on, and one that is due meanwhile; only the last to succeed is kept."""
        spec = {"schedule": "*/10 * * * *", "concurrencyPolicy": policy, "successfulJobsHistoryLimit": 1}
        await cluster.client.create(CRON_JOBS, "default", manifest(**spec))
        for ends_well in (True, True, False, False):
            await until(cluster, cluster.clock.now() // 600 * 600 + 660)
            if ends_well:
                await finish_all(cluster)
            await until(cluster, cluster.clock.now() + 60)
            await bury(cluster)
        jobs = {objects.name(j): is_finished(j) for j in await cluster.all(JOBS) if not objects.is_deleting(j)}
        status = (await the_cron_job(cluster))["status"]
        ends.append((jobs, sorted(ref["name"] for ref in status.get("active", ())), status["lastScheduleTime"]))

    without = play(Ticks, story)
    assert without.writes > 15
    for at in range(without.writes):
        crashed = play(Ticks, story, deadline=at)
        assert crashed.made == without.made, f"after a crash before write {at}"
        assert ends[-1] == ends[0], f"after a crash before write {at}"
