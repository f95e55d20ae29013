"""Single steps of a StatefulSet: what is created, repaired, scaled away and replaced, and what is waited for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.workloads.statefulset.stateful_world import ON_DELETE, claim_template, rolling, stateful_set, stateful_world
from tests.worlds.memory import World, is_ready, template
from wherry.api import errors, objects
from wherry.api.objects import Obj
from wherry.rules.workloads.revisions import POD_LABEL
from wherry.rules.workloads.statefulset import identity, strategy


def running(**spec: Any) -> World:
    """A world in which all pods are there and ready."""
    world = stateful_world()
    notes = spec.pop("annotations", None)
    world.create(objects.with_metadata(stateful_set(**spec), annotations=notes))
    make_ready(world)
    world.moves.clear()
    world.events.clear()
    return world


def make_ready(world: World, but: tuple[str, ...] = ()) -> None:
    for _ in range(20):
        world.settle()
        for pod in world.pods(going=False):
            if not is_ready(pod) and objects.name(pod) not in but:
                world.set_pod(objects.name(pod), ready=True)


def moved(world: World) -> list[str]:
    world.settle()
    moves = [f"{what} {name}" for what, name, _ in world.moves if what != "ready"]
    world.moves.clear()
    return moves


def images(world: World) -> list[str]:
    return [p["spec"]["containers"][0]["image"].partition(":")[2] for p in sorted(world.pods(), key=objects.name)]


def finish_all(world: World) -> None:
    for pod in world.pods(going=True):
        world.finish("Pod", objects.name(pod))


def test_pods_are_made_one_after_the_other() -> None:
    world = stateful_world()
    world.create(stateful_set(ordinals={"start": 3}))
    assert moved(world) == ["created web-3"]
    world.set_pod("web-3", ready=False)
    assert moved(world) == []
    world.set_pod("web-3", ready=True)
    assert moved(world) == ["created web-4"]


def test_parallel_pods_are_made_at_once() -> None:
    world = stateful_world()
    world.create(stateful_set(podManagementPolicy="Parallel", replicas=4))
    assert moved(world) == [f"created web-{n}" for n in range(4)]


def test_the_lowest_missing_pod_comes_back_first_and_holds_the_rest() -> None:
    world = running(replicas=4)
    for name in ("web-1", "web-3"):
        world.delete("Pod", name)
        world.finish("Pod", name)
    world.moves.clear()
    assert moved(world) == ["created web-1"]


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_finished_pod_is_replaced(phase: str) -> None:
    world = running()
    world.set_pod("web-1", ready=False, phase=phase)
    assert moved(world) == ["deleting web-1"]
    world.finish("Pod", "web-1")
    assert moved(world) == ["deleted web-1", "created web-1"]


def test_scaling_down_takes_the_highest_and_waits_until_it_is_gone() -> None:
    world = running(replicas=4)
    world.edit("web", replicas=1)
    assert moved(world) == ["deleting web-3"]
    world.finish("Pod", "web-3")
    assert moved(world) == ["deleted web-3", "deleting web-2"]


def test_scaling_down_waits_for_a_replica_that_is_not_ready() -> None:
    world = running(replicas=4)
    world.set_pod("web-0", ready=False)
    world.edit("web", replicas=2)
    assert moved(world) == []
    world.set_pod("web-0", ready=True)
    assert moved(world) == ["deleting web-3"]


def test_of_the_pods_to_go_a_broken_one_waits_for_a_lower_broken_one() -> None:
    world = running(replicas=4)
    world.set_pod("web-2", ready=False)
    world.set_pod("web-3", ready=False)
    world.edit("web", replicas=2)
    assert moved(world) == []
    world.set_pod("web-2", ready=True)
    assert moved(world) == ["deleting web-3"]


def test_a_higher_start_takes_the_lower_pods_away() -> None:
    world = running(replicas=2)
    world.edit("web", ordinals={"start": 1})
    assert moved(world) == ["created web-2"]
    world.set_pod("web-2", ready=True)
    assert moved(world) == ["deleting web-0"]


def test_parallel_scaling_down_takes_all_at_once() -> None:
    world = running(podManagementPolicy="Parallel", replicas=4)
    world.set_pod("web-0", ready=False)
    world.edit("web", replicas=1)
    assert moved(world) == ["deleting web-3", "deleting web-2", "deleting web-1"]


def test_an_update_goes_from_the_highest_down_each_after_the_last_is_back() -> None:
    world = running()
    world.edit("web", template=template("nginx:2"))
    assert moved(world) == ["deleting web-2"]
    finish_all(world)
    assert moved(world) == ["deleted web-2", "created web-2"]
    world.set_pod("web-2", ready=True)
    assert moved(world) == ["deleting web-1"]


def test_an_update_waits_for_min_ready_seconds() -> None:
    world = stateful_world()
    world.create(stateful_set(replicas=2, minReadySeconds=10))
    for name in ("web-0", "web-1"):
        assert moved(world) == [f"created {name}"]
        world.set_pod(name, ready=True)
        assert moved(world) == []
        world.tick(11)
    assert world.get("StatefulSet", "web")["status"]["availableReplicas"] == 1
    world.settle()
    world.edit("web", template=template("nginx:2"))
    assert moved(world) == ["deleting web-1"]
    finish_all(world)
    world.settle()
    world.set_pod("web-1", ready=True)
    world.moves.clear()
    assert moved(world) == []
    world.tick(10)
    assert moved(world) == ["deleting web-0"]


def test_the_partition_holds_the_lower_pods() -> None:
    world = running(updateStrategy=rolling(2), replicas=4)
    world.edit("web", template=template("nginx:2"))
    for _ in range(6):
        make_ready(world)
        finish_all(world)
    assert images(world) == ["1", "1", "2", "2"]
    world.delete("Pod", "web-0")
    finish_all(world)
    make_ready(world)
    assert images(world) == ["1", "1", "2", "2"]
    status = world.get("StatefulSet", "web")["status"]
    assert (status["currentReplicas"], status["updatedReplicas"]) == (2, 2)
    assert status["currentRevision"] != status["updateRevision"]


def test_a_partition_beyond_the_replicas_holds_all() -> None:
    world = running(updateStrategy=rolling(9))
    world.edit("web", template=template("nginx:2"))
    assert moved(world) == []


@pytest.mark.parametrize(("limit", "going"), [(1, ["web-4"]), (2, ["web-4", "web-3"]), ("50%", ["web-4", "web-3"]), ("10%", ["web-4"])])
def test_max_unavailable_says_how_many_go_at_once(limit: int | str, going: list[str]) -> None:
    world = running(replicas=5, podManagementPolicy="Parallel", updateStrategy=rolling(0, maxUnavailable=limit))
    world.edit("web", template=template("nginx:2"))
    assert moved(world) == [f"deleting {name}" for name in going]
    assert moved(world) == []


def test_max_unavailable_counts_pods_that_do_not_work() -> None:
    world = running(replicas=5, podManagementPolicy="Parallel", updateStrategy=rolling(1, maxUnavailable=2))
    world.set_pod("web-0", ready=False)
    world.edit("web", template=template("nginx:2"))
    assert moved(world) == ["deleting web-4"]


def test_max_unavailable_also_speeds_ordered_updates() -> None:
    world = running(replicas=4, updateStrategy=rolling(0, maxUnavailable=2))
    world.edit("web", template=template("nginx:2"))
    assert moved(world) == ["deleting web-3", "deleting web-2"]
    finish_all(world)
    assert moved(world) == ["deleted web-2", "deleted web-3", "created web-2"]


def test_on_delete_replaces_only_what_somebody_deletes() -> None:
    world = running(updateStrategy=ON_DELETE)
    world.edit("web", template=template("nginx:2"))
    assert moved(world) == []
    world.delete("Pod", "web-1")
    finish_all(world)
    world.settle()
    assert images(world) == ["1", "2", "1"]
    status = world.get("StatefulSet", "web")["status"]
    assert (status["updatedReplicas"], status["currentReplicas"]) == (1, 2)


def stuck(**metadata: Any) -> World:
    """Pod web-2 is of a revision that never works, and the template is back at the old one."""
    world = running(annotations=metadata)
    world.edit("web", template=template("never:9"))
    world.settle()
    finish_all(world)
    world.settle()
    world.set_pod("web-2", ready=False, phase="Pending")
    world.edit("web", template=template("nginx:1"))
    world.moves.clear()
    world.events.clear()
    return world


def test_a_broken_pod_of_a_bad_revision_waits_for_a_hand() -> None:
    world = stuck()
    assert moved(world) == []
    world.delete("Pod", "web-2")
    finish_all(world)
    make_ready(world)
    assert images(world) == ["1", "1", "1"]
    status = world.get("StatefulSet", "web")["status"]
    assert status["currentRevision"] == status["updateRevision"]


def test_a_forced_rollback_needs_no_hand() -> None:
    world = stuck(**{strategy.FORCED_ROLLBACK: "true"})
    assert moved(world) == ["deleting web-2"]
    assert [e.partition(":")[0] for e in world.events] == ["ForcedRollback", "SuccessfulDelete"]
    finish_all(world)
    make_ready(world)
    assert images(world) == ["1", "1", "1"]


def test_a_forced_rollback_also_mends_forwards_but_leaves_the_wanted_revision_alone() -> None:
    world = running(annotations={strategy.FORCED_ROLLBACK: "true"})
    world.edit("web", template=template("never:9"))
    world.settle()
    finish_all(world)
    world.settle()
    world.set_pod("web-2", ready=False)
    world.moves.clear()
    assert moved(world) == []
    world.edit("web", template=template("nginx:3"))
    assert moved(world) == ["deleting web-2"]


def test_claims_come_before_their_pod_and_are_told_of() -> None:
    world = stateful_world()
    world.create(stateful_set(volumeClaimTemplates=[claim_template(), claim_template("log")]))
    world.settle()
    assert [objects.name(c) for c in world.all("PersistentVolumeClaim")] == ["data-web-0", "log-web-0"]
    assert world.events == [
        "SuccessfulCreate: Create Claim data-web-0 Pod web-0 in StatefulSet web success",
        "SuccessfulCreate: Create Claim log-web-0 Pod web-0 in StatefulSet web success",
        "SuccessfulCreate: Create Pod web-0 in StatefulSet web successful",
    ]


def test_a_pending_pod_gets_a_claim_that_was_deleted() -> None:
    world = stateful_world()
    world.create(stateful_set(volumeClaimTemplates=[claim_template()]))
    world.settle()
    world.finish("PersistentVolumeClaim", "data-web-0")
    world.settle()
    assert len(world.all("PersistentVolumeClaim")) == 1


def test_a_claim_that_cannot_be_made_keeps_the_pod_away() -> None:
    world = stateful_world()
    world.refuse = lambda verb, obj: errors.Forbidden("exceeded quota") if obj["kind"] == "PersistentVolumeClaim" else None
    world.create(stateful_set(volumeClaimTemplates=[claim_template()]))
    world.settle()
    assert world.pods() == []
    assert world.events[:2] == [
        "FailedCreate: Create Claim data-web-0 for Pod web-0 in StatefulSet web failed error: exceeded quota",
        "FailedCreate: Create Pod web-0 in StatefulSet web failed error: failed to create PVC data-web-0: exceeded quota",
    ]
    assert world.get("StatefulSet", "web")["status"]["observedGeneration"] == 1


def test_failures_are_told_in_words_and_tried_again() -> None:
    world = running()
    world.refuse = lambda verb, obj: errors.InternalError("no room") if verb in ("create", "delete") else None
    world.edit("web", replicas=2)
    world.settle()
    assert world.events[0] == "FailedDelete: Delete Pod web-2 in StatefulSet web failed error: no room"
    world.edit("web", replicas=4)
    world.settle()
    assert world.events[-1] == "FailedCreate: Create Pod web-3 in StatefulSet web failed error: no room"
    assert world.again
    world.refuse = lambda verb, obj: None
    world.tick(1)
    assert moved(world) == ["created web-3"]


def test_one_that_fails_keeps_no_parallel_pod_before_it_away() -> None:
    world = stateful_world()
    refused = errors.Forbidden("no")
    world.refuse = lambda verb, obj: refused if objects.name(obj) == "web-2" and verb == "create" else None
    world.create(stateful_set(podManagementPolicy="Parallel", replicas=5))
    assert {"created web-0", "created web-1"} <= set(moved(world))
    assert "FailedCreate: Create Pod web-2 in StatefulSet web failed error: no" in world.events


def test_labels_that_somebody_took_away_come_back() -> None:
    world = running()
    pod = world.get("Pod", "web-1")
    kept = {k: v for k, v in objects.labels(pod).items() if k in ("app", POD_LABEL)}
    world.update(objects.with_metadata(pod, labels=kept))
    world.settle()
    assert objects.labels(world.get("Pod", "web-1"))[identity.NAME_LABEL] == "web-1"
    assert world.events == ["SuccessfulUpdate: Update Pod web-1 in StatefulSet web successful"]


def test_a_set_that_is_being_deleted_only_counts() -> None:
    world = running()
    world.update(objects.with_metadata(world.get("StatefulSet", "web"), deletionTimestamp="2026-01-01T00:00:00Z"))
    world.delete("Pod", "web-1")
    world.finish("Pod", "web-1")
    world.moves.clear()
    assert moved(world) == []
    assert world.get("StatefulSet", "web")["status"]["replicas"] == 2


def test_the_status_counts_what_is_there() -> None:
    world = running(replicas=4)
    world.edit("web", template=template("nginx:2"))
    world.settle()
    status = dict(world.get("StatefulSet", "web")["status"])
    revisions = (status.pop("currentRevision"), status.pop("updateRevision"))
    assert revisions == tuple(world.revisions)
    assert status == {
        "observedGeneration": 2, "replicas": 4, "readyReplicas": 4, "availableReplicas": 4, "currentReplicas": 3, "collisionCount": 0,
    }


def test_a_selector_that_cannot_be_read_is_left_alone() -> None:
    world = stateful_world()
    world.create(stateful_set(selector={"matchExpressions": [{"key": "a", "operator": "Nonsense"}]}))
    assert moved(world) == []


def test_a_pod_of_that_name_that_is_not_its_own_stands_in_the_way() -> None:
    world = stateful_world()
    stranger: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "labels": {"app": "other"}}, "spec": {}}
    world.create(stranger)
    world.create(stateful_set())
    world.moves.clear()
    assert moved(world) == []
    assert world.failed
    assert world.events == []
