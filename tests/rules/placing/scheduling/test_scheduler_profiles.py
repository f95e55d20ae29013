"""A scheduler with several profiles at work, and what it does for pods that were promised a node."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import wherry
from tests.node.shell_world import World, play
from tests.rules.placing.scheduling.test_configuration import setup, text
from wherry import Cluster
from wherry.api.objects import Obj, condition
from wherry.api.resources import resource
from wherry.rules.placing.scheduling.configuration.read import ConfigurationError

PODS, NODES = resource("pods"), resource("nodes")
PACKING = {
    "schedulerName": "packing",
    "plugins": {"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit"}]}},
    "pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}],
}
BOTH = [{"schedulerName": "default-scheduler"}, PACKING]


def cpu(amount: str) -> Obj:
    return {"name": "main", "image": "x", "resources": {"requests": {"cpu": amount}}}


def test_each_pod_is_scheduled_by_the_profile_it_names() -> None:
    async def scenario(world: World) -> None:
        await world.pod("first", cpu("20"))
        for i in range(3):
            await world.pod(f"packed-{i}", cpu("20"), schedulerName="packing")
            await world.pod(f"spread-{i}", cpu("10"))
        packed = {world.get(f"packed-{i}")["spec"]["nodeName"] for i in range(3)}
        spread = {world.get(f"spread-{i}")["spec"]["nodeName"] for i in range(3)}
        assert (len(packed), len(spread)) == (1, 3)
        reporters = {e["involvedObject"]["name"]: e["reportingComponent"] for e in world.api.of("events") if e["reason"] == "Scheduled"}
        assert (reporters["packed-0"], reporters["spread-0"]) == ("packing", "default-scheduler")

    play(scenario, setup=setup(profiles=BOTH), count=4)


def test_a_pod_of_no_profile_is_left_alone() -> None:
    async def scenario(world: World) -> None:
        await world.pod("plain")
        await world.pod("mine", schedulerName="packing")
        assert "nodeName" not in world.get("plain")["spec"]
        assert world.pod_writes("plain") == [("create", "")]
        assert world.get("mine")["spec"]["nodeName"]

    play(scenario, setup=setup(profiles=[PACKING]))


def test_pods_back_off_as_long_as_is_said() -> None:
    async def scenario(world: World) -> None:
        world.scheduler.queue._entries.clear()
        await world.pod("p", cpu("900"))
        entry = world.scheduler.queue._entries["d/p"]
        assert entry.ready_at - entry.waiting_since == 7.0

    play(scenario, setup=setup(podInitialBackoffSeconds=7, podMaxBackoffSeconds=9))


def test_the_room_that_victims_leave_is_kept_for_the_pod_that_preempted() -> None:
    async def scenario(world: World) -> None:
        await world.pod("low", cpu("200"), priority=1, terminationGracePeriodSeconds=30, annotations={"termination-seconds": "20"})
        await world.pod("high", cpu("200"), priority=5)
        assert world.get("high")["status"]["nominatedNodeName"] == "sim-0"
        await world.pod("thief", cpu("200"), priority=2)
        thief = world.get("thief")
        await world.api.update(PODS, {**thief, "metadata": {**thief["metadata"], "labels": {"now": "try"}}})
        await world.rest(40)
        assert ("pods", "d/low") not in world.api.objects
        assert world.get("high")["spec"]["nodeName"] == "sim-0"
        assert "nodeName" not in world.get("thief")["spec"]

    play(scenario, count=1)


def test_a_promise_is_taken_back_when_a_more_important_pod_needs_the_node() -> None:
    async def scenario(world: World) -> None:
        await world.pod("low", cpu("200"), priority=1, annotations={"termination-seconds": "20"})
        await world.pod("high", cpu("200"), priority=5)
        await world.pod("higher", cpu("200"), priority=9)
        assert world.get("higher")["status"]["nominatedNodeName"] == "sim-0"
        assert not world.get("high")["status"].get("nominatedNodeName")
        await world.rest(40)
        assert world.get("higher")["spec"]["nodeName"] == "sim-0"
        assert "nodeName" not in world.get("high")["spec"]

    play(scenario, count=1)


def test_a_pod_that_goes_gives_its_promised_node_back() -> None:
    async def scenario(world: World) -> None:
        await world.pod("low", cpu("200"), priority=1, annotations={"termination-seconds": "20"})
        await world.pod("high", cpu("200"), priority=5)
        await world.pod("other", cpu("200"), priority=2)
        await world.delete("high", 0)
        assert list(world.scheduler.snapshot.nominated["sim-0"]) == ["d/other"]
        await world.rest(40)
        assert world.get("other")["spec"]["nodeName"] == "sim-0"

    play(scenario, count=1)


def test_a_namespace_that_gets_a_label_lets_a_pod_in() -> None:
    async def scenario(world: World) -> None:
        namespaces = resource("namespaces")
        await world.api.create(namespaces, "", {"metadata": {"name": "d"}, "spec": {}})
        term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}, "namespaceSelector": {"matchLabels": {"team": "x"}}}
        affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        await world.pod("friend")
        await world.pod("p", affinity=affinity)
        assert "nodeName" not in world.get("p")["spec"]
        there = world.api.objects["namespaces", "d"]
        await world.api.update(namespaces, {**there, "metadata": {**there["metadata"], "labels": {"team": "x"}}})
        await world.rest(2)
        assert world.get("p")["spec"]["nodeName"] == world.get("friend")["spec"]["nodeName"]

    play(scenario)


def test_a_cluster_takes_a_configuration_file(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.yaml"
    path.write_text(text(profiles=BOTH))
    pod: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "default"}, "spec": {"containers": [cpu("20")]}}
    with Cluster(scheduler_config=path, nodes=3, serve=False, time="virtual", seed=1) as cluster:
        for i, by in enumerate(("packing", "packing", "nobody")):
            named = {**pod, "metadata": {"name": f"p{i}", "namespace": "default"}, "spec": {**pod["spec"], "schedulerName": by}}
            cluster.client.create(PODS, "default", named)
        cluster.clock.advance(5)
        pods = [cluster.client.get(PODS, "default", f"p{i}") for i in range(3)]
        assert pods[0]["spec"]["nodeName"] == pods[1]["spec"]["nodeName"]
        assert "nodeName" not in pods[2]["spec"]
        assert condition(pods[2], "PodScheduled") is None


def test_a_configuration_that_cannot_be_used_stops_a_cluster_at_its_start(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.yaml"
    path.write_text(text(profiles=[{"plugin": {}}]))
    with pytest.raises(ConfigurationError, match=r"scheduler.yaml: profiles\[0\].plugin: unknown field"), Cluster(scheduler_config=path):
        pass
    path.write_text(text(profiles=[{"plugin": {}}]))
    refused = "scheduler.yaml: profiles[0].plugin: unknown field"
    assert refused in wherry("up", "--data-dir", tmp_path / "home", "--scheduler-config", path).refused()
    assert not (tmp_path / "home").exists()
    assert refused in wherry("scheduler", "--config", path).refused()
