"""Preemption: who has to go for whom, and what a removed pod frees: room, a volume, a claim, a domain. Promised nodes stay promised."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.rules.placing.scheduling.test_decisions import node, place, pod, snapshot, where, why
from tests.rules.placing.scheduling.test_pods_about_pods import HOST, requires
from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.decide import Unschedulable, decide
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.volumes.world import VolumeWorld


def preempts(p: Obj, s: Snapshot) -> tuple[str | None, list[str]]:
    """On which node, and whom."""
    decision = decide(s.demands.info(p), s, Random(1).randrange)
    assert isinstance(decision, Unschedulable), decision
    return decision.nominated, sorted(v.pod["metadata"]["name"] for v in decision.victims)


def claim(name: str, **spec: Any) -> Obj:
    bound = {"pv.kubernetes.io/bind-completed": "yes"}
    return {"metadata": {"name": name, "namespace": "d", "annotations": bound}, "spec": {"volumeName": f"pv-{name}", **spec},
            "status": {"phase": "Bound"}}  # fmt: skip


def uses(*claims: str) -> list[Obj]:
    return [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims]


def world(s: Snapshot, claims: list[Obj], limits: dict[str, int], pods: list[Obj]) -> None:
    """All volumes are of the driver `disk`."""
    def csi_node(name: str) -> Obj | None:
        count = limits.get(name)
        return {"spec": {"drivers": [{"name": "disk", "allocatable": {"count": count}}]}} if count is not None else None

    by_key = {f"d/{c['metadata']['name']}": c for c in claims}
    s.volumes = VolumeWorld(
        claim=by_key.get, volume=lambda name: {"metadata": {"name": name}, "spec": {"csi": {"driver": "disk", "volumeHandle": name}}},
        storage_class=lambda name: None, csi_node=csi_node, volumes_of=lambda name: (),
        users=lambda key: [p for p in pods if any(f"d/{v['name']}" == key for v in p["spec"].get("volumes") or ())],
    )  # fmt: skip


def test_a_victim_frees_a_place_for_a_volume() -> None:
    s = snapshot(node("a"), node("b"))
    low, other = pod("low", priority=1, volumes=uses("one")), pod("other", priority=9, volumes=uses("two"))
    place(low, s, "a")
    place(other, s, "b")
    high = pod("high", priority=5, volumes=uses("three"))
    world(s, [claim(c) for c in ("one", "two", "three")], {"a": 1, "b": 1}, [low, other, high])
    assert preempts(high, s) == ("a", ["low"])


def test_a_victim_frees_the_claim_that_one_pod_may_use() -> None:
    s = snapshot(node("a"), node("b"))
    low = pod("low", priority=1, volumes=uses("only"))
    place(low, s, "b")
    place(pod("bystander", priority=0), s, "b")
    high = pod("high", priority=5, volumes=uses("only"))
    world(s, [claim("only", accessModes=["ReadWriteOncePod"])], {}, [low, high])
    assert preempts(high, s) == ("b", ["low"])
    equal = pod("equal", priority=1, volumes=uses("only"))
    assert preempts(equal, s) == ("", [])


def test_a_victim_frees_a_domain_that_it_kept_others_out_of() -> None:
    s = snapshot(node("a"))
    place(pod("hermit", priority=1, affinity=requires("podAntiAffinity", "web", topology=HOST)), s, "a")
    place(pod("bystander", priority=0), s, "a")
    assert preempts(pod("web", priority=5, labels={"app": "web"}), s) == ("a", ["hermit"])


def test_the_anti_affinity_of_others_does_not_keep_a_pod_from_preempting() -> None:
    s = snapshot(node("a", cpu="1"), node("b", cpu="1"))
    place(pod("hermit", priority=9, affinity=requires("podAntiAffinity", "x")), s, "b")
    place(pod("low", {"cpu": "1"}, priority=1), s, "a")
    place(pod("full", {"cpu": "1"}, priority=9), s, "b")
    assert preempts(pod("high", {"cpu": "1"}, priority=5), s) == ("a", ["low"])


def test_a_victim_evens_out_a_skew() -> None:
    s = snapshot(node("a"), node("b", cpu="1"))
    rule = {"maxSkew": 1, "topologyKey": HOST, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "w"}}}
    place(pod("full", {"cpu": "1"}, priority=9), s, "b")
    place(pod("low", labels={"app": "w"}, priority=1), s, "a")
    place(pod("bystander", priority=1), s, "a")
    high = pod("high", {"cpu": "1"}, labels={"app": "w"}, priority=5, topologySpreadConstraints=[rule])
    assert preempts(high, s) == ("a", ["low"])


def test_a_budget_is_broken_only_where_there_is_no_other_way() -> None:
    s = snapshot(node("a", cpu="1"), node("b", cpu="1"))
    place(pod("guarded", {"cpu": "1"}, priority=1, labels={"app": "db"}), s, "a")
    place(pod("free", {"cpu": "1"}, priority=2), s, "b")
    budget = {"metadata": {"name": "db", "namespace": "d"}, "spec": {"selector": {"matchLabels": {"app": "db"}}},
              "status": {"disruptionsAllowed": 0}}  # fmt: skip
    high = pod("high", {"cpu": "1"}, priority=5)
    assert preempts(high, s) == ("a", ["guarded"])
    s.budgets = lambda: [budget]
    assert preempts(high, s) == ("b", ["free"])
    place(pod("free", {"cpu": "1"}, priority=9), s, "b")
    assert preempts(high, s) == ("a", ["guarded"])


def test_a_budget_spares_its_pods_first_on_one_node() -> None:
    s = snapshot(node("a", cpu="2"))
    place(pod("guarded", {"cpu": "1"}, priority=1, labels={"app": "db"}), s, "a")
    place(pod("free", {"cpu": "1"}, priority=3), s, "a")
    s.budgets = lambda: [{"metadata": {"name": "db", "namespace": "d"}, "spec": {"selector": {"matchLabels": {"app": "db"}}}}]
    assert preempts(pod("high", {"cpu": "1"}, priority=5), s) == ("a", ["free"])


def test_of_equal_victims_the_youngest_goes() -> None:
    s = snapshot(node("a", cpu="1"), node("b", cpu="1"))
    for at, started in (("a", "2026-01-01T00:00:00Z"), ("b", "2026-01-02T00:00:00Z")):
        place({**pod(f"on-{at}", {"cpu": "1"}, priority=1), "status": {"startTime": started}}, s, at)
    assert preempts(pod("high", {"cpu": "1"}, priority=5), s) == ("b", ["on-b"])


def test_a_promised_node_is_not_given_to_a_less_important_pod() -> None:
    s = snapshot(node("a", cpu="1"))
    high = {**pod("high", {"cpu": "1"}, priority=5), "status": {"nominatedNodeName": "a"}}
    s.promise(s.demands.info(high), "a")
    assert "1 Insufficient cpu" in why(pod("low", {"cpu": "1"}, priority=1), s)
    assert where(pod("higher", {"cpu": "1"}, priority=9), s) == "a"
    assert where(high, s) == "a"
    place(high, s)
    assert not s.nominated


def test_a_pod_goes_where_it_was_promised_though_others_are_better() -> None:
    s = snapshot(node("a"), node("b"))
    place(pod("load", {"cpu": "2"}), s, "b")
    p = {**pod("p", {"cpu": "1"}, priority=5), "status": {"nominatedNodeName": "b"}}
    assert where(p, s) == "b"


def test_while_its_victims_end_a_pod_keeps_its_promise_and_preempts_nobody_else() -> None:
    s = snapshot(node("a", cpu="1"))
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    victim = {**pod("victim", {"cpu": "1"}, priority=1), "status": {"conditions": [condition]}}
    victim["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    place(victim, s, "a")
    high = {**pod("high", {"cpu": "1"}, priority=5), "status": {"nominatedNodeName": "a"}}
    assert preempts(high, s) == (None, [])
    assert "not eligible due to a terminating pod on the nominated node." in why(high, s)
