"""Which nodes a DaemonSet is for, and the pods made for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.workloads.daemonset.daemon_world import daemon_set, node
from tests.worlds.memory import template
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.daemonset import nodes, tolerations
from wherry.rules.workloads.daemonset.pod import Maker, is_updated, oldest_first, target_node


def spec(**fields: Any) -> Obj:
    made = template("agent:1", "agent")
    return {**made, "spec": {**made["spec"], **fields}}


def taint(key: str, effect: str, value: str = "") -> Obj:
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def affinity(*terms: Obj) -> Obj:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


YES, NO, KEEP = (True, True), (False, False), (False, True)
IN_A = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}


@pytest.mark.parametrize(
    ("fields", "labels", "taints", "verdict"),
    [
        ({}, {}, [], YES),
        ({"nodeName": "n"}, {}, [], YES),
        ({"nodeName": "other"}, {}, [], NO),
        ({"nodeSelector": {"zone": "a"}}, {"zone": "a"}, [], YES),
        ({"nodeSelector": {"zone": "a"}}, {"zone": "b"}, [], NO),
        ({"affinity": affinity(IN_A)}, {"zone": "a"}, [], YES),
        ({"affinity": affinity(IN_A)}, {}, [], NO),
        ({"affinity": affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]})}, {}, [], YES),
        ({}, {}, [taint("dedicated", "NoSchedule", "db")], KEEP),
        ({}, {}, [taint("dedicated", "NoExecute", "db")], NO),
        ({}, {}, [taint("dedicated", "PreferNoSchedule", "db")], YES),
        ({}, {}, [taint("node.kubernetes.io/unschedulable", "NoSchedule"), taint("node.kubernetes.io/not-ready", "NoExecute")], YES),
        ({}, {}, [taint("node.kubernetes.io/not-ready", "NoSchedule")], KEEP),
        ({}, {}, [taint("node.kubernetes.io/network-unavailable", "NoSchedule")], KEEP),
        ({"hostNetwork": True}, {}, [taint("node.kubernetes.io/network-unavailable", "NoSchedule")], YES),
        ({"tolerations": [{"operator": "Exists"}]}, {}, [taint("any", "NoExecute")], YES),
    ],
)
def test_a_node_is_judged_by_name_labels_and_taints(
    fields: Obj, labels: dict[str, str], taints: list[Obj], verdict: tuple[bool, bool]
) -> None:
    assert nodes.Eligibility(spec(**fields)).of(node("n", labels, taints)) == verdict


def test_a_change_of_a_node_matters_when_it_moves_a_pod() -> None:
    top, plain, tainted = daemon_set(), node("n"), node("n", taints=[taint("x", "NoExecute")])
    assert nodes.concerns(top, plain, scheduled=False)
    assert not nodes.concerns(top, plain, scheduled=True)
    assert nodes.concerns(top, tainted, scheduled=True)
    assert not nodes.concerns(top, tainted, scheduled=False)
    assert nodes.concerns({**top, "status": {"numberMisscheduled": 1}}, plain, scheduled=True)
    assert nodes.is_same_place(plain, {**node("n"), "status": {"conditions": []}})
    assert not nodes.is_same_place(plain, node("n", {"a": "b"}))


def test_a_daemons_own_toleration_replaces_one_that_only_lasts_for_a_while() -> None:
    short = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}
    mine = {"key": "mine", "operator": "Exists"}
    found = tolerations.of_daemon_pod({"tolerations": [short, mine]})
    assert found[:2] == [{k: v for k, v in short.items() if k != "tolerationSeconds"}, mine]
    others = ["unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"]
    assert [t["key"].rpartition("/")[2] for t in found[2:]] == others
    assert tolerations.of_daemon_pod({"tolerations": found}) == found
    assert len(tolerations.of_daemon_pod({"hostNetwork": True})) == 7


def maker(**fields: Any) -> Maker:
    return Maker(objects.with_metadata(daemon_set(template=spec(**fields)), uid="u", namespace="default"), "abc")


def test_a_pod_is_pinned_to_its_node_and_labelled_with_its_revision() -> None:
    pod = maker().pod("n1", "xyz12")
    assert (objects.name(pod), target_node(pod), "nodeName" in pod["spec"]) == ("agent-xyz12", "n1", False)
    assert objects.labels(pod) == {"app": "agent", "controller-revision-hash": "abc", "pod-template-generation": "1"}


def test_pinning_replaces_required_terms_and_keeps_the_rest() -> None:
    given = affinity(IN_A)
    given["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] = ["likes"]
    given["podAntiAffinity"] = {"some": "thing"}
    made = maker(affinity=given).pod("n1", "x")["spec"]["affinity"]
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
    assert made["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] == {"nodeSelectorTerms": [term]}
    assert made["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] == ["likes"]
    assert made["podAntiAffinity"] == {"some": "thing"}
    assert given["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] == {"nodeSelectorTerms": [IN_A]}


def test_a_pods_node_is_where_it_is_or_else_where_it_should_go() -> None:
    pod = maker().pod("n1", "x")
    assert target_node({**pod, "spec": {**pod["spec"], "nodeName": "n2"}}) == "n2"
    two = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a", "b"]}]}
    assert target_node({"spec": {"affinity": affinity(two)}}) == ""
    assert target_node({"spec": {"affinity": affinity(IN_A)}}) == ""
    assert target_node({"spec": {}}) == ""


def test_a_pod_is_updated_by_its_hash_or_by_the_old_count() -> None:
    pod = {"metadata": {"labels": {"controller-revision-hash": "abc", "pod-template-generation": "4"}}}
    assert is_updated(pod, "abc", None)
    assert is_updated(pod, "other", "4")
    assert not is_updated(pod, "other", "5")
    assert not is_updated(pod, "", None)


def test_pods_with_a_node_come_before_those_without_then_the_older() -> None:
    def pod(name: str, created: str, where: str) -> Obj:
        return {"metadata": {"name": name, "creationTimestamp": created}, "spec": {"nodeName": where}}

    pods = [pod("a", "1", ""), pod("d", "3", "n"), pod("c", "2", "n"), pod("b", "2", "n")]
    assert [objects.name(p) for p in oldest_first(pods)] == ["b", "c", "d", "a"]
