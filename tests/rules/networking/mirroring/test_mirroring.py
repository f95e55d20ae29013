"""Endpoints that users write are mirrored to slices, for Services without a selector."""

from __future__ import annotations

from typing import Any

from tests.cluster.virtual_time.virtual_cluster import on_cluster
from wherry import Cluster
from wherry.api.objects import Obj, labels, name
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.rules.networking.mirroring.plan import plan
from wherry.rules.objects.plan import Create, Delete, Emit, Update

ENDPOINTS, SERVICES = resource("endpoints"), resource("services")
SLICES = resource("endpointslices", "discovery.k8s.io")
PORTS = [{"name": "http", "port": 80, "protocol": "TCP"}]


def endpoints(*subsets: Obj, notes: dict[str, str] | None = None, marks: dict[str, str] | None = None) -> Obj:
    meta: Obj = {"name": "db", "namespace": "default", "uid": "u"}
    if notes:
        meta["annotations"] = notes
    if marks:
        meta["labels"] = marks
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta, "subsets": list(subsets)}


def subset(*ips: str, unready: tuple[str, ...] = (), ports: list[Obj] = PORTS) -> Obj:
    parts = {"addresses": [{"ip": ip} for ip in ips], "notReadyAddresses": [{"ip": ip} for ip in unready], "ports": ports}
    return {k: v for k, v in parts.items() if v}


def created(given: Obj, *slices: Obj) -> list[Obj]:
    return [action.obj for action in plan(given, slices).actions if isinstance(action, Create)]


def seen(each: Obj) -> set[tuple[str, bool]]:
    return {(e["addresses"][0], e["conditions"]["ready"]) for e in each["endpoints"]}


# --- the rule ---
def test_there_is_a_slice_per_family_and_ports() -> None:
    found = created(endpoints(subset("10.1.0.1", "fd00::1", unready=("10.1.0.2",)), subset("10.1.0.3", ports=[{"port": 81}])))
    by = {(s["addressType"], s["ports"][0]["port"]): seen(s) for s in found}
    assert by == {
        ("IPv4", 80): {("10.1.0.1", True), ("10.1.0.2", False)},
        ("IPv6", 80): {("fd00::1", True)},
        ("IPv4", 81): {("10.1.0.3", True)},
    }


def test_labels_and_annotations_are_mirrored_too() -> None:
    notes = {"a": "b", "endpoints.kubernetes.io/last-change-trigger-time": "x", "kubectl.kubernetes.io/last-applied-configuration": "y"}
    (made,) = created(endpoints(subset("10.1.0.1"), notes=notes, marks={"l": "m"}))
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert labels(made) == {
        "l": "m",
        "kubernetes.io/service-name": "db",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    assert made["metadata"]["generateName"] == "db-"
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"


def test_what_is_right_stays_and_what_is_left_over_is_used_again() -> None:
    (made,) = created(endpoints(subset("10.1.0.1")))
    there = {**made, "metadata": {**made["metadata"], "name": "db-x", "uid": "s", "resourceVersion": "1"}}
    assert plan(endpoints(subset("10.1.0.1")), [there]).actions == ()
    (changed,) = plan(endpoints(subset("10.1.0.1", "10.1.0.2")), [there]).actions
    assert isinstance(changed, Update)
    assert len(changed.obj["endpoints"]) == 2
    (reused,) = plan(endpoints(subset("10.1.0.9", ports=[{"port": 99}])), [there]).actions
    assert isinstance(reused, Update)
    assert (reused.obj["metadata"]["name"], reused.obj["ports"][0]["port"]) == ("db-x", 99)
    (gone,) = plan(endpoints(), [there]).actions
    assert isinstance(gone, Delete)


def test_no_more_than_a_thousand_are_mirrored_and_that_is_told() -> None:
    many = [f"10.1.{i // 250}.{i % 250}" for i in range(1005)]
    actions = plan(endpoints(subset(*many)), []).actions
    assert [a.message for a in actions if isinstance(a, Emit)] == [
        "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 5 addresses were skipped"
    ]
    (made,) = (a.obj for a in actions if isinstance(a, Create))
    assert len(made["endpoints"]) == 1000


# --- the controller ---
def service(**spec: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": {"ports": [{"name": "http", "port": 80}], **spec}}


async def mirrored(cluster: Cluster) -> list[Obj]:
    await cluster.clock.sleep(3)
    found = (await cluster.client.list(SLICES, "default")).items
    return [s for s in found if labels(s).get("endpointslice.kubernetes.io/managed-by", "").startswith("endpointslicemirroring")]


def test_slices_come_change_and_go_with_the_endpoints() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(SERVICES, "default", service())
        made = endpoints(subset("10.9.0.1"))
        made["metadata"] = {"name": "db"}
        await cluster.client.create(ENDPOINTS, "default", made)
        (first,) = await mirrored(cluster)
        assert seen(first) == {("10.9.0.1", True)}
        await cluster.client.patch(ENDPOINTS, "default", "db", {"subsets": [subset("10.9.0.2", "10.9.0.3")]}, MERGE_PATCH)
        (second,) = await mirrored(cluster)
        assert name(second) == name(first)
        assert seen(second) == {("10.9.0.2", True), ("10.9.0.3", True)}
        await cluster.client.delete(SLICES, "default", name(second))
        (third,) = await mirrored(cluster)
        assert seen(third) == seen(second)
        skip = {"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}}
        await cluster.client.patch(ENDPOINTS, "default", "db", skip, MERGE_PATCH)
        assert await mirrored(cluster) == []
        await cluster.client.patch(ENDPOINTS, "default", "db", {"metadata": {"labels": None}}, MERGE_PATCH)
        assert len(await mirrored(cluster)) == 1
        await cluster.client.delete(ENDPOINTS, "default", "db")
        assert await mirrored(cluster) == []

    on_cluster(story, nodes=0)


def test_endpoints_of_a_selector_are_not_mirrored() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(SERVICES, "default", service(selector={"app": "db"}))
        assert await mirrored(cluster) == []
        await cluster.client.patch(SERVICES, "default", "db", {"spec": {"selector": None}}, MERGE_PATCH)
        await cluster.client.patch(ENDPOINTS, "default", "db", {"subsets": [subset("10.9.0.1")]}, MERGE_PATCH)
        assert len(await mirrored(cluster)) == 1
        await cluster.client.patch(SERVICES, "default", "db", {"spec": {"selector": {"app": "db"}}}, MERGE_PATCH)
        assert await mirrored(cluster) == []

    on_cluster(story, nodes=0)
