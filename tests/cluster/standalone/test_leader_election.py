"""Of several copies one leads: on virtual time, with the Leases of a real registry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wherry.api.resources import resource
from wherry.cluster.cluster import Cluster
from wherry.kit.virtual import run_virtual
from wherry.reconcile.leader import LeaderElection, LeadershipLost
from wherry.rules.objects import leader_election as rule
from wherry.rules.objects.leader_election import Seen, Timings

LEASES, EVENTS = resource("leases", "coordination.k8s.io"), resource("events")


class Cut:
    """A client whose connection can be cut."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.cut = False

    def __getattr__(self, name: str) -> Any:
        if self.cut:
            raise OSError("connection refused")
        return getattr(self._client, name)


class Copy:
    def __init__(self, cluster: Cluster, identity: str) -> None:
        self.client = Cut(cluster.aclient)
        client: Any = self.client
        self.election = LeaderElection(client, cluster.clock, "worker", identity)
        self.working = False
        self.task = asyncio.ensure_future(self.election.lead(self.work))

    async def work(self) -> None:
        self.working = True
        try:
            await asyncio.Event().wait()
        finally:
            self.working = False

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def play(story: Callable[[Cluster, Copy, Copy], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            first = Copy(cluster, "first")
            await cluster.clock.sleep(1)
            second = Copy(cluster, "second")
            await cluster.clock.sleep(60)
            assert (first.working, second.working) == (True, False)
            await story(cluster, first, second)
            await first.end()
            await second.end()

    run_virtual(run(), epoch=1_750_000_000.0)


async def lease(cluster: Cluster) -> dict[str, Any]:
    return (await cluster.aclient.get(LEASES, "kube-system", "worker"))["spec"]  # type: ignore[no-any-return]


def test_one_leads_and_says_so() -> None:
    async def story(cluster: Cluster, first: Copy, second: Copy) -> None:
        spec = await lease(cluster)
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("first", 15, 0)
        assert spec["renewTime"] > spec["acquireTime"]
        events = [e for e in (await cluster.aclient.list(EVENTS, "kube-system")).items if e["reason"] == "LeaderElection"]
        assert [e["message"] for e in events] == ["first became leader"]

    play(story)


def test_a_leader_that_ends_hands_over_at_once() -> None:
    async def story(cluster: Cluster, first: Copy, second: Copy) -> None:
        await first.end()
        await cluster.clock.sleep(2.1)
        assert second.working
        spec = await lease(cluster)
        assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("second", 1)

    play(story)


def test_a_leader_that_is_cut_off_stops_before_the_next_one_starts() -> None:
    async def story(cluster: Cluster, first: Copy, second: Copy) -> None:
        first.client.cut = True
        for _ in range(40):
            await cluster.clock.sleep(0.5)
            assert not (first.working and second.working)
        assert (first.working, second.working) == (False, True)
        assert isinstance(first.task.exception(), LeadershipLost)

    play(story)


def test_a_leader_whose_lease_was_taken_stops_at_its_next_look() -> None:
    async def story(cluster: Cluster, first: Copy, second: Copy) -> None:
        await second.end()
        taken = await cluster.aclient.get(LEASES, "kube-system", "worker")
        await cluster.aclient.update(LEASES, {**taken, "spec": {**taken["spec"], "holderIdentity": "somebody"}})
        await cluster.clock.sleep(2.1)
        assert not first.working

    play(story)


def test_what_the_work_raises_comes_out() -> None:
    async def run() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:

            async def fails() -> None:
                raise RuntimeError("no")

            with pytest.raises(RuntimeError, match="no"):
                await LeaderElection(cluster.aclient, cluster.clock, "worker", "me").lead(fails)
            assert (await lease(cluster))["holderIdentity"] == ""

    run_virtual(run(), epoch=1_750_000_000.0)


@pytest.mark.parametrize(
    ("spec", "steady", "free"),
    [({}, 0.0, True), ({"holderIdentity": "me"}, 0.0, True), ({"holderIdentity": "you"}, 14.9, False),
     ({"holderIdentity": "you"}, 15.1, True), ({"holderIdentity": "you", "leaseDurationSeconds": 60}, 59.0, False)],
)
def test_a_lease_is_free_when_its_holder_was_silent_for_its_duration(spec: dict[str, Any], steady: float, free: bool) -> None:
    assert rule.is_free(Seen(spec, 0.0), "me", Timings(), steady) is free


@pytest.mark.parametrize("timings", [Timings(10, 10, 2), Timings(15, 2, 2), Timings(15, 10, 0)])
def test_timings_that_cannot_work_are_refused(timings: Timings) -> None:
    assert rule.refusal(timings)
