"""Decisions: where a pod goes, and the sentence when it goes nowhere (texts as the reference writes them)."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.decide import Bind, Unschedulable, decide
from wherry.rules.placing.scheduling.snapshot import Snapshot

GPU = "example.com/gpu"


def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: str = "110", labels: dict[str, str] | None = None,
         taints: list[Obj] | None = None, unschedulable: bool = False, **more: str) -> Obj:
    spec: Obj = {"taints": taints} if taints else {}
    if unschedulable:
        spec["unschedulable"] = True
    meta = {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}
    return {"metadata": meta, "spec": spec, "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods, **more}}}


def pod(name: str, requests: dict[str, str] | None = None, *, owner: str = "", labels: dict[str, str] | None = None, ports: Any = None,
        **spec: Any) -> Obj:
    container: Obj = {"name": "c", "image": "x", "resources": {"requests": requests or {}}}
    if ports:
        container["ports"] = ports
    meta: Obj = {"name": name, "namespace": "d", "uid": f"uid-{name}", "labels": labels or {}}
    if owner:
        meta["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": True}]
    return {"metadata": meta, "spec": {"containers": [container], **spec}}


def snapshot(*nodes: Obj) -> Snapshot:
    made = Snapshot()
    for each in nodes:
        made.set_node(each)
    return made


def where(p: Obj, s: Snapshot, seed: int = 1) -> str:
    decision = decide(s.demands.info(p), s, Random(seed).randrange)
    assert isinstance(decision, Bind), decision
    return decision.node


def place(p: Obj, s: Snapshot, node: str = "") -> str:
    node = node or where(p, s)
    s.put_pod(s.demands.info(p), node)
    return node


def why(p: Obj, s: Snapshot) -> str:
    decision = decide(s.demands.info(p), s, Random(1).randrange)
    assert isinstance(decision, Unschedulable), decision
    return decision.message


def test_without_nodes_there_is_nothing_to_choose() -> None:
    assert why(pod("p"), snapshot()) == "no nodes available to schedule pods"


def test_the_message_counts_reasons_and_says_what_preemption_could_do() -> None:
    tainted = node("t", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
    s = snapshot(node("a", cpu="1"), node("b", cpu="1"), node("c", cpu="1"), tainted)
    for each in "abc":
        place(pod(f"on-{each}", {"cpu": "500m"}), s, each)
    assert why(pod("p", {"cpu": "1"}), s) == (
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/4 nodes are available: 1 Preemption is not helpful for scheduling, 3 No preemption victims found for incoming pod."
    )


def test_a_request_beyond_the_node_is_beyond_preemption_too() -> None:
    assert why(pod("p", {"cpu": "8", "memory": "16Gi"}), snapshot(node("a"))) == (
        "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )


@pytest.mark.parametrize(("blocked", "spec", "reason"), [
    (node("a", unschedulable=True), {}, "node(s) were unschedulable"),
    (node("a", taints=[{"key": "k", "effect": "NoExecute"}]), {}, "node(s) had untolerated taint(s)"),
    (node("a"), {"nodeSelector": {"disk": "ssd"}}, "node(s) didn't match Pod's node affinity/selector"),
    (node("a", pods="0"), {}, "Too many pods"),
])
def test_each_filter_has_its_reason(blocked: Obj, spec: Obj, reason: str) -> None:
    assert why(pod("p", **spec), snapshot(blocked)).startswith(f"0/1 nodes are available: 1 {reason}. ")


def test_extended_resources_are_counted() -> None:
    s = snapshot(node("a", **{GPU: "2"}), node("b"))
    assert place(pod("p", {GPU: "2"}), s) == "a"
    assert why(pod("q", {GPU: "1"}), s).startswith("0/2 nodes are available: 2 Insufficient example.com/gpu. ")


def test_host_ports_clash_on_the_same_address_or_on_all() -> None:
    s = snapshot(node("a"))
    place(pod("p", ports=[{"containerPort": 80, "hostPort": 80, "hostIP": "127.0.0.1"}]), s)
    assert where(pod("q", ports=[{"containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.1"}]), s) == "a"
    assert "didn't have free ports" in why(pod("r", ports=[{"containerPort": 80, "hostPort": 80}]), s)


def test_tolerations_by_key_effect_and_operator() -> None:
    s = snapshot(node("a", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}]))
    assert where(pod("p", tolerations=[{"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}]), s) == "a"
    assert where(pod("q", tolerations=[{"operator": "Exists"}]), s) == "a"
    assert "untolerated" in why(pod("r", tolerations=[{"key": "k", "value": "other"}]), s)
    assert "untolerated" in why(pod("s", tolerations=[{"key": "k", "operator": "Exists", "effect": "NoExecute"}]), s)


def test_a_cordoned_node_takes_who_tolerates_it() -> None:
    s = snapshot(node("a", unschedulable=True))
    assert where(pod("p", tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]), s) == "a"


@pytest.mark.parametrize(("operator", "values", "expected"), [
    ("In", ["x"], "zx"), ("NotIn", ["x"], "zy"), ("Exists", [], "zx"), ("DoesNotExist", [], "zn"), ("Gt", ["5"], "z9"), ("Lt", ["5"], "z3"),
])
def test_required_node_affinity(operator: str, values: list[str], expected: str) -> None:
    labels = {"zx": {"k": "x"}, "zy": {"k": "y"}, "zn": {}, "z9": {"k": "9"}, "z3": {"k": "3"}}
    terms = [{"matchExpressions": [{"key": "k", "operator": operator, "values": values}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    others = {"zx": {}, "zy": {"k": "x"}, "zn": {"k": "1"}}.get(expected, {"k": "5"})
    s = snapshot(node(expected, labels=labels[expected]), node("other", labels=others))
    assert where(pod("p", affinity=affinity), s) == expected


def test_a_pod_that_names_its_node_looks_at_no_other() -> None:
    field = {"key": "metadata.name", "operator": "In", "values": ["b"]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [field]}]}}}
    s = snapshot(node("a"), node("b"))
    assert where(pod("p", affinity=affinity), s) == "b"
    s.remove_node("b")
    assert why(pod("p", affinity=affinity), s) == (
        "0/1 nodes are available: 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )


def test_preferences_decide_between_equal_nodes() -> None:
    preferred = [{"weight": 10, "preference": {"matchExpressions": [{"key": "k", "operator": "In", "values": ["b"]}]}}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    s = snapshot(node("a"), node("b", labels={"k": "b"}), node("c", taints=[{"key": "x", "effect": "PreferNoSchedule"}]))
    assert {where(pod("p", affinity=affinity), s, seed) for seed in range(9)} == {"b"}
    assert {where(pod("p"), s, seed) for seed in range(9)} == {"a", "b"}


def test_the_emptier_node_is_better() -> None:
    s = snapshot(node("a"), node("b"))
    place(pod("p", {"cpu": "2", "memory": "4Gi"}), s, "a")
    assert where(pod("q", {"cpu": "100m", "memory": "100Mi"}), s) == "b"


def test_replicas_of_one_owner_are_spread() -> None:
    s = snapshot(*(node(f"n{i}") for i in range(4)))
    for i in range(8):
        place(pod(f"p{i}", owner="rs"), s)
    assert [len(n.pods) for n in s.order] == [2, 2, 2, 2]


def test_replicas_are_spread_over_zones_first_of_all() -> None:
    zones = {"n0": "x", "n1": "x", "n2": "x", "n3": "y"}
    s = snapshot(*(node(n, labels={"topology.kubernetes.io/zone": z}) for n, z in zones.items()))
    placed = [place(pod(f"p{i}", owner="rs"), s) for i in range(2)]
    assert {zones[n] for n in placed} == {"x", "y"}


def test_hard_spread_constraints() -> None:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "w"}}}
    s = snapshot(node("a", labels={"zone": "x"}), node("b", labels={"zone": "y"}, pods="1"), node("c"))

    def web(name: str) -> Obj:
        return pod(name, labels={"app": "w"}, topologySpreadConstraints=[constraint])

    assert {place(web("p0"), s), place(web("p1"), s)} == {"a", "b"}
    assert place(web("p2"), s) == "a"
    assert why(web("p3"), s).startswith(
        "0/3 nodes are available: 1 Too many pods, 1 node(s) didn't match pod topology spread constraints, "
        "1 node(s) didn't match pod topology spread constraints (missing required label). "
    )


def test_pods_that_avoid_each_other() -> None:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "w"}}}
    anti = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    s = snapshot(node("a"), node("b"))
    assert {place(pod(f"p{i}", labels={"app": "w"}, affinity=anti), s) for i in range(2)} == {"a", "b"}
    assert "2 node(s) didn't match pod anti-affinity rules" in why(pod("q", labels={"app": "w"}, affinity=anti), s)
    assert "2 node(s) didn't satisfy existing pods anti-affinity rules" in why(pod("r", labels={"app": "w"}), s)
    s.remove_pod("d/p0")
    assert place(pod("r", labels={"app": "w"}), s)


def test_pods_that_want_each_other() -> None:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "w"}}}
    together = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    s = snapshot(node("a"), node("b"), node("c"))
    assert "3 node(s) didn't match pod affinity rules" in why(pod("x", affinity=together), s)
    first = place(pod("p0", labels={"app": "w"}, affinity=together), s)  # the first of a series may go anywhere
    assert {place(pod(f"p{i}", labels={"app": "w"}, affinity=together), s) for i in range(1, 4)} == {first}


def test_a_more_important_pod_finds_the_fewest_and_least_important_victims() -> None:
    s = snapshot(node("a", cpu="1"), node("b", cpu="1"))
    place(pod("a1", {"cpu": "500m"}, priority=5), s, "a")
    place(pod("a2", {"cpu": "500m"}, priority=1), s, "a")
    place(pod("b1", {"cpu": "1"}, priority=9), s, "b")
    decision = decide(s.demands.info(pod("p", {"cpu": "500m"}, priority=10)), s, Random(1).randrange)
    assert isinstance(decision, Unschedulable)
    assert (decision.nominated, [v.key for v in decision.victims]) == ("a", ["d/a2"])
    assert decision.message == "0/2 nodes are available: 2 Insufficient cpu."
    never = decide(s.demands.info(pod("p", {"cpu": "500m"}, priority=10, preemptionPolicy="Never")), s, Random(1).randrange)
    assert isinstance(never, Unschedulable)
    assert never.message.endswith("cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.")


def test_sidecars_and_init_containers_count_at_their_peak() -> None:
    init = [{"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}},
            {"name": "i", "resources": {"requests": {"cpu": "3"}}}]
    s = snapshot(node("a", cpu="4"))
    assert s.demands.info(pod("p", {"cpu": "2"}, initContainers=init)).demand.requests == {"cpu": 4000}


def test_a_remembered_view_never_differs_from_a_fresh_one() -> None:
    rng = Random(7)
    s = snapshot(*(node(f"n{i}", cpu=str(rng.randint(1, 4))) for i in range(6)))
    kinds = [{"cpu": "100m"}, {"cpu": "300m", "memory": "1Gi"}, None]
    for step in range(400):
        action = rng.randrange(10)
        if action == 0:
            s.set_node(node(f"n{rng.randrange(7)}", cpu=str(rng.randint(1, 4)), unschedulable=rng.random() < 0.3))
        elif action == 1:
            s.remove_node(f"n{rng.randrange(7)}")
        elif action == 2:
            s.remove_pod(f"d/p{rng.randrange(step + 1)}")
        else:
            k = rng.randrange(3)
            info = s.demands.info(pod(f"p{step}", kinds[k], owner=f"rs{k}"))
            remembered = decide(info, s, Random(step).randrange)
            s.views.clear()
            assert decide(info, s, Random(step).randrange) == remembered
            if isinstance(remembered, Bind):
                s.put_pod(info, remembered.node)


def test_a_pod_that_claims_devices_is_never_placed_and_says_so() -> None:
    claiming = pod("p", resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}])
    said = why(claiming, snapshot(node("a"), node("b", cpu="1m")))
    assert said.startswith("0/2 nodes are available: 2 cannot allocate all claims.")
    assert said.endswith("Preemption is not helpful for scheduling.")


def test_so_is_a_pod_of_a_named_node() -> None:
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    claiming = pod("p", resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}], affinity=affinity)
    assert "1 cannot allocate all claims" in why(claiming, snapshot(node("a"), node("b")))
