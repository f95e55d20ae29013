"""Hints that spread traffic over zones by their processors, and what else EndpointSlices say: sizes, flags, families."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.cluster.virtual_time.virtual_cluster import DEPLOYMENTS, EVENTS, deployment, on_cluster
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.rules.networking.endpoints.topology import hinted, ratios

SERVICES, NODES = resource("services"), resource("nodes")
SLICES = resource("endpointslices", "discovery.k8s.io")
ZONE = "topology.kubernetes.io/zone"


def node(name: str, zone: str | None, cpu: str = "4", ready: str = "True", **labels: str) -> Obj:
    marks = {**labels, **({ZONE: zone} if zone else {})}
    status = {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": name, "labels": marks}, "status": status}


def slice_of(name: str, *zones: str, ready: bool = True) -> Obj:
    endpoints = [{"addresses": [f"{name}-{i}"], "conditions": {"ready": ready}, "zone": z} for i, z in enumerate(zones)]
    return {"metadata": {"name": name}, "endpoints": endpoints}


def served(*slices: Obj) -> Counter[str]:
    return Counter(z["name"] for s in slices for e in s["endpoints"] for z in (e.get("hints") or {}).get("forZones") or ())


def test_zones_share_by_their_processors() -> None:
    control = {"node-role.kubernetes.io/control-plane": ""}
    nodes = [node("a", "x", "6"), node("b", "y", "2"), node("c", None, **control), node("d", "z", ready="False")]
    assert ratios(nodes) == {"x": 0.75, "y": 0.25}
    assert ratios([*nodes, node("e", None)]) == {}
    assert ratios([node("a", "x"), node("b", "x")]) == {}


def test_each_endpoint_serves_its_zone_when_that_is_fair() -> None:
    made = hinted([slice_of("s", "x", "x", "y", "y")], [], [], {"x": 0.5, "y": 0.5})
    assert served(*made.create) == {"x": 2, "y": 2}


def test_a_zone_with_too_many_lends_some() -> None:
    made = hinted([slice_of("s", *"xxxxxxxx", *"yy")], [], [], {"x": 0.5, "y": 0.5})
    assert served(*made.create) == {"x": 5, "y": 5}


@pytest.mark.parametrize(
    ("zones", "shares", "why"),
    [
        ("xy", {}, "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"),
        ("x", {"x": 0.5, "y": 0.5}, "Insufficient number of endpoints (1 endpoints, 2 zones)"),
        ("xyx", {"x": 0.5, "y": 0.5}, "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"),
    ],
)
def test_when_it_cannot_be_fair_there_are_no_hints(zones: str, shares: dict[str, float], why: str) -> None:
    before = hinted([slice_of("s", *"xxyy")], [], [], {"x": 0.5, "y": 0.5}).create
    made = hinted([slice_of("t", *zones)], [], before if zones == "xy" else [], shares)
    assert made.refused.startswith(why)
    assert not served(*made.create, *made.update)
    assert len(made.update) == (1 if zones == "xy" else 0)


def test_slices_that_are_right_are_left_alone() -> None:
    right = hinted([slice_of("s", *"xxyy")], [], [], {"x": 0.5, "y": 0.5}).create[0]
    made = hinted([], [slice_of("t", *"xy")], [right], {"x": 0.5, "y": 0.5})
    assert [s["metadata"]["name"] for s in made.update] == ["t"]
    lopsided = {**right, "endpoints": [{**e, "hints": {"forZones": [{"name": "x"}]}} for e in right["endpoints"]]}
    made = hinted([], [], [lopsided], {"x": 0.5, "y": 0.5})
    assert served(*made.update) == {"x": 2, "y": 2}


# --- in a cluster ---
async def slices(cluster: Cluster) -> list[Obj]:
    await cluster.clock.sleep(5)
    found = (await cluster.client.list(SLICES, "default", label_selector="kubernetes.io/service-name=web")).items
    return sorted(found, key=lambda s: (s["addressType"], len(s["endpoints"] or ())))


def service(**spec: Any) -> Obj:
    body = {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": body}


def test_a_service_in_topology_mode_gets_hints_and_is_told() -> None:
    async def story(cluster: Cluster) -> None:
        for i in range(4):
            await cluster.client.patch(NODES, "", f"sim-{i}", {"metadata": {"labels": {ZONE: f"z{i % 2}"}}}, MERGE_PATCH)
        await cluster.client.create(DEPLOYMENTS, "default", deployment("web", replicas=8))
        made = service()
        made["metadata"]["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
        await cluster.client.create(SERVICES, "default", made)
        assert served(*await slices(cluster)) == {"z0": 4, "z1": 4}
        events = [e["message"] for e in (await cluster.client.list(EVENTS)).items if e["involvedObject"]["name"] == "web"]
        assert "Topology Aware Hints has been enabled, addressType: IPv4" in events
        await cluster.client.patch(SERVICES, "default", "web", {"metadata": {"annotations": None}}, MERGE_PATCH)
        assert not served(*await slices(cluster))
        events = [e["message"] for e in (await cluster.client.list(EVENTS)).items if e["involvedObject"]["name"] == "web"]
        assert "Topology Aware Hints has been disabled, addressType: IPv4" in events

    on_cluster(story, nodes=4)


def test_a_slice_holds_a_hundred() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", deployment("web", replicas=230))
        await cluster.client.create(SERVICES, "default", service())
        await cluster.clock.sleep(20)
        sizes = [len(s["endpoints"] or ()) for s in await slices(cluster)]
        assert sum(sizes) == 230
        assert max(sizes) <= 100

    on_cluster(story, nodes=3)


@pytest.mark.parametrize("publish", [False, True])
def test_a_pod_that_ends_serves_until_it_is_gone(publish: bool) -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(SERVICES, "default", service(clusterIP="None", publishNotReadyAddresses=publish))
        made = deployment("web", replicas=1)
        made["spec"]["template"]["metadata"]["annotations"] = {"wherry.dev/simulated-termination-seconds": "20"}
        await cluster.client.create(DEPLOYMENTS, "default", made)
        (before,) = await slices(cluster)
        assert before["endpoints"][0]["conditions"] == {"ready": True, "serving": True, "terminating": False}
        assert before["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        await cluster.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 0}}, MERGE_PATCH)
        (after,) = await slices(cluster)
        assert after["endpoints"][0]["conditions"] == {"ready": publish, "serving": True, "terminating": True}
        await cluster.clock.sleep(30)
        (empty,) = await slices(cluster)
        assert not empty["endpoints"]

    on_cluster(story, nodes=1)
