"""What pods wish of each other: preferred affinity, namespaces by label, soft spreading; and images that are there already."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.rules.placing.scheduling.test_decisions import node, place, pod, snapshot, where, why
from wherry.api.objects import Obj, with_metadata
from wherry.rules.placing.scheduling.snapshot import Snapshot

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def term(app: str, topology: str = HOST, **more: Any) -> Obj:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": topology, **more}


def prefers(kind: str, app: str, weight: int = 50, **more: Any) -> Obj:
    listed = [{"weight": weight, "podAffinityTerm": term(app, **more)}]
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": listed}}


def requires(kind: str, app: str, **more: Any) -> Obj:
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term(app, **more)]}}


def three() -> Snapshot:
    return snapshot(node("a"), node("b"), node("c"))


def test_a_pod_goes_where_those_are_that_it_likes() -> None:
    s = three()
    place(pod("db", labels={"app": "db"}), s, "b")
    assert where(pod("p", affinity=prefers("podAffinity", "db")), s) == "b"


def test_a_pod_keeps_away_from_those_that_it_does_not_like() -> None:
    s = three()
    for at in "ac":
        place(pod(f"noisy-{at}", labels={"app": "noisy"}), s, at)
    assert where(pod("p", affinity=prefers("podAntiAffinity", "noisy")), s) == "b"
    s.remove_pod("d/noisy-c")
    place(pod("noisy-b", labels={"app": "noisy"}), s, "b")
    assert where(pod("p2", affinity=prefers("podAntiAffinity", "noisy")), s) == "c"


def test_placed_pods_draw_and_repel_those_they_have_a_wish_about() -> None:
    s = three()
    place(pod("fan", affinity=prefers("podAffinity", "star", 100)), s, "c")
    assert where(pod("star", labels={"app": "star"}), s) == "c"
    place(pod("hermit", affinity=prefers("podAntiAffinity", "guest", 100)), s, "a")
    place(pod("other-hermit", affinity=prefers("podAntiAffinity", "guest", 100)), s, "b")
    assert where(pod("guest", labels={"app": "guest"}), s) == "c"


def test_a_pod_is_drawn_to_those_that_must_be_with_it() -> None:
    s = three()
    place(pod("db", labels={"app": "db"}), s, "b")
    place(pod("cache", affinity=requires("podAffinity", "db")), s, "b")
    s.remove_pod("d/db")
    assert where(pod("db2", labels={"app": "db"}), s) == "b"


def test_namespaces_are_chosen_by_their_labels() -> None:
    s = three()
    place(with_metadata(pod("db", labels={"app": "db"}), namespace="prod"), s, "b")
    teams = {"prod": {"team": "x"}, "test": {"team": "y"}}
    s.namespaces = lambda name: teams.get(name, {})
    wanted = requires("podAffinity", "db", namespaceSelector={"matchLabels": {"team": "x"}})
    assert where(pod("p", affinity=wanted), s) == "b"
    teams["prod"] = {"team": "y"}
    s.tallies.forget()
    assert "3 node(s) didn't match pod affinity rules" in why(pod("p2", affinity=wanted), s)
    everywhere = requires("podAffinity", "db", namespaceSelector={})
    assert where(pod("p3", affinity=everywhere), s) == "b"


def test_pods_spread_over_zones_as_far_as_they_can() -> None:
    zones = {"a": "z1", "b": "z1", "c": "z2"}
    s = snapshot(*(node(n, labels={ZONE: z}) for n, z in zones.items()))
    constraint = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "w"}}}
    for i in range(4):
        place(pod(f"p{i}", labels={"app": "w"}, topologySpreadConstraints=[constraint]), s)
    assert Counter(zones[s.node_of(f"d/p{i}")] for i in range(4)) == {"z1": 2, "z2": 2}


def test_a_node_without_the_topology_comes_last() -> None:
    s = snapshot(node("a", labels={ZONE: "z1"}), node("b"))
    place(pod("old", labels={"app": "w"}), s, "a")
    constraint = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "w"}}}
    assert where(pod("p", labels={"app": "w"}, topologySpreadConstraints=[constraint]), s) == "a"


def test_a_node_that_has_the_image_is_better() -> None:
    s = three()
    image = {"names": ["big:latest", "registry/big@sha256:1"], "sizeBytes": 900 * 1024 * 1024}
    with_image = node("b")
    with_image["status"]["images"] = [image]
    s.set_node(with_image)
    wanted = pod("p")
    wanted["spec"]["containers"][0]["image"] = "big"
    assert where(wanted, s) == "b"
    s.set_node(node("b"))
    assert not +s.images


def test_counts_follow_pods_that_come_and_go() -> None:
    s = three()
    rule = {"maxSkew": 1, "topologyKey": HOST, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "w"}}}
    spread = {"labels": {"app": "w"}, "topologySpreadConstraints": [rule]}
    assert sorted(place(pod(f"p{i}", **spread), s) for i in range(3)) == ["a", "b", "c"]
    gone = next(f"d/p{i}" for i in range(3) if s.node_of(f"d/p{i}") == "b")
    place(pod("p3", **spread), s, "a")
    s.remove_pod(gone)
    assert where(pod("p4", **spread), s) == "b"
