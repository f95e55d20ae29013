"""A ReplicaSet's pods and status: created, deleted, adopted, released, counted."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.worlds.standings import standing
from wherry.api import timestamps
from wherry.api.errors import Cause, Forbidden, InternalError, NotFound
from wherry.api.objects import Obj, controller_ref
from wherry.rules.objects.plan import Action, Create, Delete, Emit, Update
from wherry.rules.workloads.replicaset.known_pods import Standing
from wherry.rules.workloads.replicaset.plan import gather
from wherry.rules.workloads.replicaset.replicas import BURST, creation_events, deletion_events, plan_replicas, real_error
from wherry.rules.workloads.replicaset.status import plan_status
from wherry.rules.workloads.replicaset.template import pod_from_template

NOW = 1_750_000_000.0


def replica_set(replicas: int = 2, **spec: Any) -> Obj:
    metadata = {"labels": {"app": "web", "tier": "front"}, "annotations": {"a": "b"}}
    template = {"metadata": metadata, "spec": {"containers": [{"name": "main"}]}}
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web-1", "namespace": "default", "uid": "rs", "generation": 3},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
        "status": {"replicas": 0},
    }


def pod(name: str, *, owner: Obj | None, ready: float | None = None, phase: str = "Running", deleting: bool = False, **labels: str) -> Obj:
    meta: Obj = {"name": name, "namespace": "default", "uid": name, "labels": labels or {"app": "web", "tier": "front"}}
    if owner is not None:
        meta["ownerReferences"] = [controller_ref(owner)]
    if deleting:
        meta["deletionTimestamp"] = timestamps.time(NOW)
    status: Obj = {"phase": phase}
    if ready is not None:
        status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": timestamps.time(NOW - ready)}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "n"}, "status": status}


def told(owner: Obj, pods: Iterable[Obj] = (), terminating: Iterable[Obj] = ()) -> Standing:
    return standing(owner, pods, terminating, NOW)


def planned(owner: Obj, *pods: Obj) -> tuple[Action, ...]:
    return plan_replicas(owner, told(owner, pods), [told(owner, pods)], names(), NOW).actions


def names() -> Iterator[str]:
    return (f"{n:05d}" for n in itertools.count())


def test_missing_pods_are_created_in_one_run() -> None:
    actions = planned(replica_set(4), pod("p", owner=replica_set()))
    assert [type(a) for a in actions] == [Create] * 3
    first = actions[0]
    assert isinstance(first, Create)
    assert first.obj["metadata"] == {
        "name": "web-1-00000", "generateName": "web-1-", "namespace": "default", "labels": {"app": "web", "tier": "front"},
        "annotations": {"a": "b"}, "ownerReferences": [controller_ref(replica_set())],
    }


def test_a_name_that_is_taken_is_not_tried() -> None:
    actions = planned(replica_set(2), pod("web-1-00000", owner=replica_set()))
    assert [a.obj["metadata"]["name"] for a in actions if isinstance(a, Create)] == ["web-1-00001"]


def test_at_most_a_burst_is_created_or_deleted_at_once() -> None:
    assert len(planned(replica_set(BURST + 200))) == BURST
    pods = [pod(f"p{n}", owner=None) for n in range(BURST + 200)]
    assert sum(isinstance(a, Delete) for a in planned(replica_set(0), *pods)) == BURST


def test_superfluous_pods_are_deleted_and_then_told() -> None:
    owner = replica_set(1)
    pods = [pod("a", owner=owner, ready=10), pod("b", owner=owner)]
    delete, event = planned(owner, *pods)
    assert isinstance(delete, Delete)
    assert isinstance(event, Emit)
    assert delete.target["metadata"]["name"] == "b"
    assert (event.type, event.reason, event.message) == ("Normal", "SuccessfulDelete", "Deleted pod: b")


def test_a_replica_set_being_deleted_manages_no_pods() -> None:
    owner = replica_set(5)
    owner["metadata"]["deletionTimestamp"] = timestamps.time(NOW)
    assert planned(owner) == ()


def test_a_long_owner_name_is_cut_in_its_pods_names() -> None:
    owner = {**replica_set(), "metadata": {**replica_set()["metadata"], "name": "n" * 80}}
    made = pod_from_template(owner["spec"]["template"], owner, "abcde")
    assert made["metadata"]["name"] == "n" * 58 + "abcde"
    assert made["metadata"]["generateName"] == "n" * 80 + "-"


def test_creations_are_told_one_by_one_and_their_failure_once() -> None:
    owner, error = replica_set(), Forbidden('pods "x" is forbidden: exceeded quota')
    told = creation_events(owner, [pod("a", owner=owner)], error)
    assert [(e.type, e.reason, e.message) for e in told] == [
        ("Normal", "SuccessfulCreate", "Created pod: a"),
        ("Warning", "FailedCreate", 'Error creating: pods "x" is forbidden: exceeded quota'),
    ]
    assert [e.message for e in deletion_events(owner, InternalError("no"))] == ["Error deleting: no"]


def test_a_namespace_that_goes_is_no_error() -> None:
    error = Forbidden("going", {"causes": [Cause("NamespaceTerminating", "going", "metadata.namespace").to_json()]})
    assert creation_events(replica_set(), [], error) == ()
    assert real_error(error) is None
    assert real_error(NotFound("gone")) is None
    assert deletion_events(replica_set(), NotFound("gone")) == ()


def test_only_own_active_pods_count_and_terminating_ones_are_counted_apart() -> None:
    owner, other = replica_set(), {**replica_set(), "metadata": {"name": "x", "namespace": "default", "uid": "x"}}
    own = gather(owner, [
        pod("a", owner=owner), pod("b", owner=owner, phase="Failed"), pod("c", owner=owner, deleting=True), pod("d", owner=other),
        pod("e", owner=owner, deleting=True, phase="Succeeded"), pod("f", owner=None, app="else"),
    ])
    assert own is not None
    active, terminating = ([p["metadata"]["name"] for p in pods] for pods in (own.active, own.terminating))
    assert (active, terminating, own.claims) == (["a"], ["c"], ())


def test_orphans_are_adopted_and_strangers_released_by_uid() -> None:
    owner = replica_set()
    own = gather(owner, [pod("orphan", owner=None), pod("changed", owner=owner, app="else")])
    assert own is not None
    assert [c.patch for c in own.claims] == [
        {"metadata": {"uid": "orphan", "ownerReferences": [controller_ref(owner)]}},
        {"metadata": {"uid": "changed", "ownerReferences": [{"$patch": "delete", "uid": "rs"}]}},
    ]
    owner["metadata"]["deletionTimestamp"] = timestamps.time(NOW)
    own = gather(owner, [pod("orphan", owner=None), pod("changed", owner=owner, app="else")])
    assert own is not None
    assert own.claims == ()


def status_of(owner: Obj, pods: list[Obj], terminating: Iterable[Obj] = (), error: Any = None) -> Obj:
    (update,) = plan_status(owner, told(owner, pods, terminating), error, NOW).actions
    assert isinstance(update, Update)
    assert update.subresource == "status"
    status: Obj = update.obj["status"]
    return status


def test_the_status_counts_labelled_ready_and_available_pods() -> None:
    owner = replica_set(4, minReadySeconds=30)
    pods = [pod("a", owner=owner, ready=31), pod("b", owner=owner, ready=5), pod("c", owner=owner)]
    going = [pod(name, owner=owner, deleting=True) for name in "ef"]
    assert status_of(owner, [*pods, pod("d", owner=owner, ready=30, app="web")], going) == {
        "replicas": 4, "fullyLabeledReplicas": 3, "readyReplicas": 3, "availableReplicas": 2, "terminatingReplicas": 2,
        "observedGeneration": 3,
    }


def test_the_next_look_is_when_the_next_pod_becomes_available() -> None:
    owner = replica_set(3, minReadySeconds=30)
    pods = [pod("a", owner=owner, ready=31), pod("b", owner=owner, ready=5), pod("c", owner=owner, ready=12)]
    assert plan_status(owner, told(owner, pods), None, NOW).requeue_after == pytest.approx(18)
    assert plan_status(owner, told(owner, pods[:1]), None, NOW).requeue_after is None
    assert plan_status(replica_set(3), told(replica_set(3), pods), None, NOW).requeue_after is None


def test_an_unchanged_status_is_not_written() -> None:
    owner = replica_set(1)
    pods = [pod("a", owner=owner, ready=1)]
    owner["status"] = {**status_of(owner, pods), "readyReplicas": 1}
    assert plan_status(owner, told(owner, pods), None, NOW).actions == ()


def test_a_failure_is_a_condition_until_it_is_over() -> None:
    owner = replica_set(2)
    failed = status_of(owner, [], error=Forbidden("exceeded quota"))
    assert failed["conditions"] == [
        {"type": "ReplicaFailure", "status": "True", "lastTransitionTime": timestamps.time(NOW), "reason": "FailedCreate",
         "message": "exceeded quota"}
    ]
    owner["status"] = failed
    assert plan_status(owner, told(owner, []), InternalError("another"), NOW).actions == ()
    assert "conditions" not in status_of(owner, [], error=None)
    surplus = status_of(replica_set(0), [pod("a", owner=owner)], error=InternalError("no"))
    assert (surplus["conditions"][0]["reason"], surplus["conditions"][0]["message"]) == ("FailedDelete", "unable to delete pods: no")


def test_the_pods_of_a_template_share_its_parts() -> None:
    owner = replica_set()
    template = owner["spec"]["template"]
    one, other = (pod_from_template(template, owner, suffix) for suffix in ("abcde", "fghij"))
    assert one["spec"] is other["spec"] is template["spec"]
    assert one["metadata"]["labels"] is template["metadata"]["labels"]
    assert one["metadata"] is not template["metadata"]
