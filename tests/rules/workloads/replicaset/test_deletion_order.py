"""Which pod goes first when there are too many: every rule alone, and in their order."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.worlds.standings import standing
from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.pods.state_of_replica import is_active
from wherry.rules.workloads.replicaset.deletion_order import in_deletion_order, to_delete
from wherry.rules.workloads.replicaset.known_pods import DELETION_COST, Standing, deletion_cost

NOW = 1_750_000_000.0


def pod(uid: str, *, node: str = "n1", phase: str = "Running", ready: float | None = 1000, age: float = 5000, restarts: int = 0,
        sidecar: int = 0, cost: str = "", deleting: bool = False) -> Obj:
    """`ready`: seconds that it has been ready, None when it is not."""
    meta: dict[str, Any] = {"name": uid, "uid": uid, "creationTimestamp": timestamps.time(NOW - age)}
    if cost:
        meta["annotations"] = {DELETION_COST: cost}
    if deleting:
        meta["deletionTimestamp"] = timestamps.time(NOW)
    condition = {"type": "Ready", "status": "False" if ready is None else "True", "lastTransitionTime": timestamps.time(NOW - (ready or 0))}
    return {
        "metadata": meta,
        "spec": {"nodeName": node, "containers": [{"name": "main"}], "initContainers": [{"name": "side", "restartPolicy": "Always"}]},
        "status": {"phase": phase, "conditions": [condition], "containerStatuses": [{"name": "main", "restartCount": restarts}],
                   "initContainerStatuses": [{"name": "side", "restartCount": sidecar}]},
    }


def told(*pods: Obj) -> Standing:
    owner = {"spec": {"selector": {}, "template": {"metadata": {}}}}
    return standing(owner, [p for p in pods if is_active(p)], [p for p in pods if not is_active(p)], NOW)


def order(*pods: Obj, related: tuple[Obj, ...] = ()) -> list[str]:
    shuffled = list(pods)
    random.Random(7).shuffle(shuffled)
    return [p["metadata"]["uid"] for p in in_deletion_order(told(*shuffled), [told(*pods), told(*related)], NOW, len(pods))]


def test_the_rules_apply_one_after_the_other() -> None:
    crowd = (pod("other", node="n3"),)
    assert order(
        pod("1-unassigned", node="", phase="Pending", ready=None),
        pod("2-pending", node="n9", phase="Pending", ready=None, cost="99"),
        pod("3-unknown", node="n8", phase="Unknown", ready=None),
        pod("4-not-ready", node="n7", ready=None, cost="50"),
        pod("5-cheap", node="n6", cost="-3"),
        pod("6-crowded", node="n3", ready=4000),
        pod("7-ready-for-short", node="n4", ready=20, restarts=0),
        pod("8-ready-for-long", node="n5", ready=4000, restarts=9),
        pod("9-dear", node="n3", cost="7", ready=1),
        related=crowd,
    ) == [
        "1-unassigned", "2-pending", "3-unknown", "4-not-ready", "5-cheap", "6-crowded", "7-ready-for-short", "8-ready-for-long", "9-dear",
    ]


def test_pods_that_are_ready_equally_long_go_by_restarts_then_by_those_of_sidecars_then_by_age() -> None:
    assert order(
        pod("a", restarts=3), pod("b", restarts=1, sidecar=2), pod("c", restarts=1), pod("d", age=90000),
    ) == ["a", "b", "c", "d"]


def test_unready_pods_go_by_restarts_and_age_alone() -> None:
    restarted = pod("a", ready=None, restarts=2, age=9000)
    assert order(restarted, pod("b", ready=None, age=10), pod("c", ready=None, age=9000)) == ["a", "b", "c"]


def test_ages_within_one_power_of_two_count_as_equal_and_the_uid_decides() -> None:
    assert order(pod("b", ready=1000), pod("a", ready=1050)) == ["a", "b"]
    assert order(pod("b", ready=1000), pod("a", ready=3000)) == ["b", "a"]


def test_a_pod_ready_at_an_unknown_time_goes_before_one_that_is_ready_since() -> None:
    unknown = pod("b")
    del unknown["status"]["conditions"][0]["lastTransitionTime"]
    assert order(pod("a", ready=1), unknown) == ["b", "a"]


def test_terminating_neighbours_do_not_crowd_a_node() -> None:
    leaving = (pod("x", node="n1", deleting=True), pod("y", node="n1", deleting=True))
    assert order(pod("a", node="n1", ready=4000), pod("b", node="n2", ready=20), related=leaving) == ["b", "a"]


COSTS = [("10", 10), ("-10", -10), ("0", 0), ("+10", 0), ("008", 0), ("x", 0), ("", 0), ("2147483648", 0), ("1.5", 0)]


@pytest.mark.parametrize(("text", "cost"), COSTS)
def test_a_deletion_cost_is_a_plain_32_bit_number(text: str, cost: int) -> None:
    assert deletion_cost({"metadata": {"annotations": {DELETION_COST: text}}}) == cost


def test_all_pods_go_unsorted_when_none_stays() -> None:
    pods = [pod("b"), pod("a", ready=None)]
    assert to_delete(told(*pods), [], 2, NOW) == pods
    assert [p["metadata"]["uid"] for p in to_delete(told(*pods), [told(*pods)], 1, NOW)] == ["a"]
