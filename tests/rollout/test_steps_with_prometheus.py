"""Checks by queries of a real Prometheus, between the steps of a rollout on a cluster of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.rollout.workloads import DEPLOYMENTS, deployment
from tests.worlds.prometheus import Prometheus
from wherry import Cluster
from wherry.rollout import Rollout, Steps, StepsStatus

pytestmark = pytest.mark.prometheus
SHARE = "sum(rate(errors_total[2s])) / sum(rate(requests_total[2s]))"


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    with Prometheus() as running:
        yield running


async def traffic(prometheus: Prometheus, errors: float) -> None:
    """Requests for ever, of which that share fails."""
    seen = prometheus.scraped.values
    while True:
        seen["requests_total"] = seen.get("requests_total", 0) + 10
        seen["errors_total"] = seen.get("errors_total", 0) + 10 * errors
        await asyncio.sleep(0.05)


async def rolled(prometheus: Prometheus, errors: float, query: str) -> tuple[StepsStatus, int]:
    """A release while that share of requests fails; how it ended (or waits), and how many of ten pods were new at most."""
    requests = asyncio.create_task(traffic(prometheus, errors))
    try:
        async with asyncio.timeout(40), Cluster(nodes=2, serve=False, guards=False) as cluster:
            await cluster.aclient.create(DEPLOYMENTS, "default", deployment(replicas=10))
            await Rollout(cluster.aclient, "deployment/web").wait(20)
            steps = Steps(cluster.aclient, "deployment/web")
            check = f"name=errors prometheus={prometheus.url} query='{query}' below=0.05 count=3 every=200ms unclear=9"
            await steps.begin("20%, check errors, 100%", images={"c": "nginx:2"}, checks=[check])
            seen: list[StepsStatus] = []
            run = asyncio.create_task(steps.run(say=seen.append))
            while not run.done() and not (seen and seen[-1].waits):  # noqa: ASYNC110  # two ends
                await asyncio.sleep(0.05)
            ended = run.result() if run.done() else seen[-1]
            run.cancel()
            return ended, max(s.new for s in seen if s.phase in ("moving", "checking", "paused", "inconclusive"))
    finally:
        requests.cancel()


def test_a_small_share_of_errors_passes(prometheus: Prometheus) -> None:
    status, _ = asyncio.run(rolled(prometheus, 0.001, SHARE))
    assert status.phase == "done"


def test_too_many_errors_abort_at_the_first_share_and_say_the_value(prometheus: Prometheus) -> None:
    status, most = asyncio.run(rolled(prometheus, 0.5, SHARE))
    assert (status.phase, most) == ("aborted", 2)
    assert status.why.startswith("check errors: is 0.")
    assert "must be below 0.05" in status.why


def test_a_query_that_prometheus_refuses_waits_for_a_person_with_its_words(prometheus: Prometheus) -> None:
    status, _ = asyncio.run(rolled(prometheus, 0.0, "rate(errors_total["))
    assert (status.phase, status.waits) == ("inconclusive", True)
    assert "parse error" in status.why


def test_a_series_that_is_not_there_and_a_prometheus_that_is_gone_are_unclear() -> None:
    with Prometheus() as own:
        status, _ = asyncio.run(rolled(own, 0.0, "no_such_series"))
        assert (status.phase, status.why) == ("inconclusive", "check errors: the query gives no value")
        own.stop()
        status, _ = asyncio.run(rolled(own, 0.0, SHARE))
        assert status.phase == "inconclusive"
