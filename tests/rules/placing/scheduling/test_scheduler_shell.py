"""The scheduler over a fake API on virtual time: bindings, failures, what wakes a pod."""

from __future__ import annotations

from tests.node.shell_world import World, play
from wherry.api.errors import ServiceUnavailable
from wherry.api.objects import condition
from wherry.api.resources import resource

NODES = resource("nodes")
TOO_BIG = {"name": "main", "image": "x", "resources": {"requests": {"cpu": "300"}}}


def test_a_pod_is_bound_and_told_so() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p")
        node = world.get("p")["spec"]["nodeName"]
        assert world.events("p") == [("Scheduled", f"Successfully assigned d/p to {node}")]
        assert world.scheduler.idle

    play(scenario)


def test_pods_of_other_schedulers_and_gated_pods_are_left_alone() -> None:
    async def scenario(world: World) -> None:
        await world.pod("other", schedulerName="mine")
        await world.pod("gated", schedulingGates=[{"name": "wait"}])
        assert world.pod_writes("other") + world.pod_writes("gated") == [("create", "")] * 2
        gated = world.get("gated")
        await world.api.update(resource("pods"), {**gated, "spec": {**gated["spec"], "schedulingGates": []}})
        await world.rest()
        assert world.get("gated")["spec"]["nodeName"]

    play(scenario)


def test_what_fits_nowhere_is_said_once_and_fits_when_a_node_comes() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", TOO_BIG)
        scheduled = condition(world.get("p"), "PodScheduled") or {}
        assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
        assert scheduled["message"] == (
            "0/4 nodes are available: 4 Insufficient cpu. no new claims to deallocate, "
            "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
        )
        assert world.events("p") == [("FailedScheduling", scheduled["message"])]
        assert world.pod_writes("p") == [("create", ""), ("patch", "status")]
        big = {"metadata": {"name": "big"}, "spec": {}, "status": {"allocatable": {"cpu": "512", "pods": "9"}}}
        await world.api.create(NODES, "", big)
        await world.rest()
        assert world.get("p")["spec"]["nodeName"] == "big"

    play(scenario)


def test_a_pod_that_leaves_makes_room() -> None:
    async def scenario(world: World) -> None:
        await world.pod("first")
        await world.pod("second")
        assert "nodeName" not in world.get("second")["spec"]
        await world.delete("first")
        await world.rest()
        assert world.get("second")["spec"]["nodeName"] == "sim-0"

    play(scenario, count=1, pods_per_node=1)


def test_a_pod_that_ended_makes_room_too() -> None:
    async def scenario(world: World) -> None:
        await world.pod("first", annotations={"run-seconds": "5"}, restartPolicy="Never")
        await world.pod("second")
        await world.rest(5)
        assert world.get("second")["spec"]["nodeName"] == "sim-0"

    play(scenario, count=1, pods_per_node=1)


def test_a_binding_that_fails_is_tried_again() -> None:
    async def scenario(world: World) -> None:
        failed = []

        def twice(verb: str, plural: str, name: str, subresource: str) -> None:
            if subresource == "binding" and len(failed) < 2:
                failed.append(name)
                raise ServiceUnavailable("later")

        world.api.before_write = twice
        await world.pod("p")
        assert "nodeName" not in world.get("p")["spec"]
        assert not any(n.pods for n in world.scheduler.snapshot.order)
        await world.rest(4)
        assert failed == ["p", "p"]
        assert world.get("p")["spec"]["nodeName"]
        assert sum(len(n.pods) for n in world.scheduler.snapshot.order) == 1

    play(scenario)


def test_the_more_important_pod_takes_the_place() -> None:
    async def scenario(world: World) -> None:
        await world.pod("low", {**TOO_BIG, "resources": {"requests": {"cpu": "200"}}}, priority=1)
        await world.pod("high", {**TOO_BIG, "resources": {"requests": {"cpu": "200"}}}, priority=2)
        await world.rest(1)
        uid = world.get("high")["metadata"]["uid"]
        assert world.events("low")[-1] == ("Preempted", f"Preempted by pod {uid} on node sim-0")
        assert ("pods", "d/low") not in world.api.objects
        assert world.get("high")["spec"]["nodeName"] == "sim-0"

    play(scenario, count=1)


def test_many_pods_are_spread_and_counted() -> None:
    async def scenario(world: World) -> None:
        for i in range(40):
            await world.pod(f"p{i}", {**TOO_BIG, "resources": {"requests": {"cpu": "10", "memory": "40Gi"}}})
        counts = [len(n.pods) for n in world.scheduler.snapshot.order]
        assert sum(counts) == 40
        assert max(counts) - min(counts) <= 1

    play(scenario)


def test_a_pod_that_asks_for_less_makes_room() -> None:
    async def scenario(world: World) -> None:
        await world.pod("first", {**TOO_BIG, "resources": {"requests": {"cpu": "200"}}})
        await world.pod("second", {**TOO_BIG, "resources": {"requests": {"cpu": "200"}}})
        assert "nodeName" not in world.get("second")["spec"]
        first = world.get("first")
        smaller = [{**first["spec"]["containers"][0], "resources": {"requests": {"cpu": "10"}}}]
        await world.api.update(resource("pods"), {**first, "spec": {**first["spec"], "containers": smaller}})
        await world.rest(2)
        assert world.get("second")["spec"]["nodeName"] == "sim-0"

    play(scenario, count=1)


def test_an_empty_domain_that_goes_lets_others_grow() -> None:
    async def scenario(world: World) -> None:
        far = {"metadata": {"name": "far", "labels": {"kubernetes.io/hostname": "far"}}, "spec": {"unschedulable": True},
               "status": {"allocatable": {"cpu": "1", "pods": "9"}}}  # fmt: skip
        await world.api.create(NODES, "", far)
        rule = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
        for each in ("first", "second"):
            await world.pod(each, topologySpreadConstraints=[rule])
        assert "nodeName" not in world.get("second")["spec"]
        await world.api.delete(NODES, "", "far")
        await world.rest(2)
        assert world.get("second")["spec"]["nodeName"] == "sim-0"

    play(scenario, count=1)
