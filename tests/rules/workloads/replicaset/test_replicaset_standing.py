"""What a ReplicaSet's controller knows of its pods by difference is what one that sees all of them for the first time would know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds.standings import standing
from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.pods.state_of_replica import is_active, is_terminating
from wherry.rules.workloads.replicaset.deletion_order import in_deletion_order
from wherry.rules.workloads.replicaset.known_pods import DELETION_COST, Standing

PHASES, NODES = ("Pending", "Running", "Running", "Failed"), ("a", "b", "")
CHANGES = st.tuples(st.sampled_from(["put", "put", "put", "drop", "wait"]), st.integers(0, 7), st.integers(1, 10_000))


def owner(min_ready: int = 0, app: str = "web", **spec: Any) -> Obj:
    selector, template = {"matchLabels": {"app": app}}, {"metadata": {"labels": {"app": app, "tier": "front"}}}
    return {"spec": {"selector": selector, "template": template, "minReadySeconds": min_ready, **spec}}


def pod(at: int, number: int, now: float) -> Obj:
    """One of many: each part of the number says one thing of it."""
    name = f"web-{at}"
    ready = {"type": "Ready", "status": "False" if number % 4 == 3 else "True"}
    if number % 17:
        ready["lastTransitionTime"] = timestamps.time(now - number % 7)
    meta: Obj = {"name": name, "uid": f"{name}-{number}", "labels": {"app": "web", **({"tier": "front"} if number % 5 else {})}}
    meta["creationTimestamp"] = timestamps.time(now - number % 23)
    if number % 11 == 0:
        meta["deletionTimestamp"] = timestamps.time(now)
    if number % 3 == 0:
        meta["annotations"] = {DELETION_COST: str(number % 2)}
    return {"metadata": meta, "spec": {"nodeName": NODES[number % 3]}, "status": {"phase": PHASES[number % 4], "conditions": [ready]}}


def read(known: Standing, now: float) -> tuple[Any, ...]:
    names = [p["metadata"]["uid"] for p in in_deletion_order(known, [known], now, len(known))]
    nodes = {node: count for node, count in known.nodes.items() if count}
    counts = len(known), known.terminating, known.ready, known.labelled, known.available
    active = sorted(p["metadata"]["uid"] for p in known.pods())
    return *counts, known.next_available, nodes, names, active, [f"web-{n}" in known for n in range(8)]


@given(st.lists(CHANGES, max_size=40), st.sampled_from([0, 3]))
def test_told_of_each_change_it_knows_what_a_new_one_would(changes: list[tuple[str, int, int]], min_ready: int) -> None:
    top = owner(min_ready)
    kept, now = Standing(top), 1000.0
    pods: dict[int, Obj] = {}
    for what, at, number in changes:
        told: list[Obj] = []
        gone: list[str] = []
        if what == "put":
            pods[at] = pod(at, number, now)
            told, gone = ([pods[at]], []) if pods[at]["status"]["phase"] != "Failed" else ([], [f"web-{at}"])
        elif what == "drop":
            pods.pop(at, None)
            gone = [f"web-{at}"]
        else:
            now += number % 5
        kept.take(filter(is_active, told), filter(is_terminating, told), gone, now)
        fresh = standing(top, filter(is_active, pods.values()), filter(is_terminating, pods.values()), now)
        assert read(kept, now) == read(fresh, now)


@pytest.mark.parametrize("other", [owner(1), owner(app="else"), owner(template={"metadata": {"labels": {}}})])
def test_other_counting_is_another_standing(other: Obj) -> None:
    known = Standing(owner())
    assert known.is_of({**owner(replicas=7), "status": {"replicas": 9}})
    assert not known.is_of(other)
