"""Single plans of the Deployment rules: what is refused, adopted, released, and done to old pods that do not work."""

from __future__ import annotations

import pytest

from tests.rules.workloads.deployment.test_deployment_scaling import replica_set
from tests.rules.workloads.deployment.workload_world import World, deployment, template
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Delete, Patch, Update
from wherry.rules.workloads.deployment.plan import plan_deployment
from wherry.rules.workloads.deployment.rolling import scale_old
from wherry.rules.workloads.deployment.rollout import Rollout

NOW = 1_750_000_000.0


def scaled(actions: tuple[Action, ...]) -> list[tuple[str, int]]:
    """(ReplicaSet, size) in the order of writes."""
    found = []
    for action in actions:
        if isinstance(action, Update):
            found.append((objects.name(action.obj), action.obj["spec"]["replicas"]))
        elif isinstance(action, Patch):
            found.append((objects.name(action.target), action.patch[1]["value"]))
    return found


def shrink(replicas: int, unavailable: int, new: Obj, *old: Obj) -> tuple[list[tuple[str, int]], bool]:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": unavailable}}
    top = deployment(replicas=replicas, image=new["spec"]["template"]["spec"]["containers"][0]["image"], strategy=strategy)
    actions, over = scale_old(Rollout.of(top, [new, *old], {}, NOW), new)
    return scaled(actions), over


def test_old_pods_that_do_not_work_go_first() -> None:
    moves, _ = shrink(10, 2, replica_set(3, 3, available=0), replica_set(1, 8), replica_set(2, 2, available=0))
    assert moves == [("web-2", 0)]


def test_one_round_takes_broken_and_then_working_pods_of_one_replica_set() -> None:
    moves, over = shrink(10, 2, replica_set(2, 3, available=0), replica_set(1, 10, available=9))
    assert (moves, over) == ([("web-1", 9), ("web-1", 8)], True)


def test_the_oldest_replica_set_shrinks_first() -> None:
    moves, _ = shrink(10, 3, replica_set(3, 2), replica_set(1, 4), replica_set(2, 6))
    assert moves == [("web-1", 0), ("web-2", 5)]


def test_broken_new_pods_hold_working_old_ones() -> None:
    assert shrink(10, 2, replica_set(2, 5, available=0), replica_set(1, 8)) == ([], False)


def test_nothing_moves_while_a_status_counts_more_than_there_should_be() -> None:
    assert shrink(10, 5, replica_set(2, 3), replica_set(1, 7, available=9)) == ([], False)


def test_pods_that_the_new_replica_set_no_longer_wants_do_not_count_as_available() -> None:
    moves, _ = shrink(5, 1, replica_set(2, 2, available=5), replica_set(1, 3))
    assert moves == [("web-1", 2)]


def test_an_empty_selector_is_refused_in_words() -> None:
    world = World()
    world.create(deployment(selector={}))
    world.sync_deployment("web")
    assert world.events == ["SelectingAll: This deployment is selecting all pods. A non-empty selector is required."]
    assert world.get("Deployment", "web")["status"] == {"observedGeneration": 1}
    assert world.created == []


def test_a_matching_orphan_is_adopted_and_its_revision_continued() -> None:
    world = World()
    world.create(deployment(replicas=1))
    world.settle()
    name = world.created[0]
    world.update(objects.with_metadata(world.get("ReplicaSet", name), ownerReferences=None))
    world.settle()
    assert objects.is_controlled_by(world.get("ReplicaSet", name), world.get("Deployment", "web"))
    assert world.created == [name]


def test_a_replica_set_that_is_no_longer_selected_is_released() -> None:
    world = World()
    world.create(deployment(replicas=1))
    world.settle()
    world.update(objects.with_metadata(world.get("ReplicaSet", world.created[0]), labels={"app": "other"}))
    world.sync_deployment("web")
    assert objects.controller_of(world.get("ReplicaSet", world.created[0])) is None


def test_a_deployment_being_deleted_only_tells_its_status() -> None:
    world = World()
    world.create(deployment(replicas=2))
    world.settle()
    top = world.edit("Deployment", "web", template=template("nginx:2"))
    world.update(objects.with_metadata(top, deletionTimestamp="2026-01-01T00:00:00Z"))
    moves = list(world.moves)
    world.sync_deployment("web")
    world.sync_deployment("web")
    assert world.moves == moves
    assert world.get("Deployment", "web")["status"]["observedGeneration"] == 2


def test_recreate_waits_for_the_last_old_pod() -> None:
    world = World()
    world.create(deployment(replicas=2, strategy={"type": "Recreate"}))
    world.settle()
    world.edit("Deployment", "web", template=template("nginx:2"))
    world.settle()
    first, second = (objects.name(p) for p in world.all("Pod"))
    world.finish(first)
    world.settle()
    assert len(world.created) == 1
    world.finish(second)
    world.settle()
    assert [size for _, size, _ in world.moves] == [2, 0, 2]


def test_a_finished_old_pod_does_not_hold_recreate() -> None:
    world = World()
    world.create(deployment(replicas=1, strategy={"type": "Recreate"}))
    world.settle()
    (pod,) = world.all("Pod")
    world.set_pod(objects.name(pod), ready=False, phase="Failed")
    world.edit("Deployment", "web", replicas=0, template=template("nginx:2"))
    world.settle()
    for going in [p for p in world.all("Pod") if objects.is_deleting(p)]:
        world.finish(objects.name(going))
    world.settle()
    assert len(world.created) == 2


@pytest.mark.parametrize("paused", [True, False])
def test_a_plan_at_rest_writes_nothing(paused: bool) -> None:
    world = World()
    world.create(deployment(replicas=2, paused=paused))
    world.settle()
    plan = plan_deployment(world.get("Deployment", "web"), world.all("ReplicaSet"), {}, world.now)
    assert not [a for a in plan.actions if isinstance(a, Update | Patch | Delete)]
