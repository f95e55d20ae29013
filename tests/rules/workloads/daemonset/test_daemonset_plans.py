"""Single steps of a DaemonSet: what is created and deleted on which node, and what is waited for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.workloads.daemonset.daemon_world import ON_DELETE, change_template, daemon_set, daemon_world, node, rolling
from tests.worlds.memory import World, is_ready, template
from wherry.api import errors, objects
from wherry.api.objects import Obj
from wherry.rules.workloads.daemonset import backoff
from wherry.rules.workloads.daemonset.pod import target_node


def running(count: int = 4, **spec: Any) -> World:
    """A world in which every node has its pod, ready."""
    world = daemon_world(count)
    world.create(daemon_set(**spec))
    make_ready(world)
    world.moves.clear()
    world.events.clear()
    return world


def make_ready(world: World) -> None:
    world.settle()
    for pod in world.pods(going=False):
        if not is_ready(pod):
            world.set_pod(objects.name(pod), ready=True)
    world.settle()


def finish_all(world: World) -> None:
    for pod in world.pods(going=True):
        world.finish("Pod", objects.name(pod))
    world.settle()


def change(world: World, image: str = "agent:2") -> None:
    change_template(world, "agent", template(image, "agent"))
    world.settle()


def where(world: World, what: str) -> list[str]:
    """The nodes on which something was done since the last look."""
    names = [name for done, name, _ in world.moves if done == what]
    found = [target_node(world.objects.get(("Pod", name)) or {"spec": {}}) for name in names]
    world.moves = [m for m in world.moves if m[0] != what]
    return found


def on(world: World, name: str) -> list[str]:
    """Image and state of the pods of a node."""
    pods = [p for p in world.pods() if target_node(p) == name]
    states = ["going" if objects.is_deleting(p) else "ready" if is_ready(p) else "waiting" for p in pods]
    return [f"{p['spec']['containers'][0]['image'].rpartition(':')[2]} {s}" for p, s in zip(pods, states, strict=True)]


def status(world: World) -> list[int]:
    said = world.get("DaemonSet", "agent")["status"]
    fields = (
        "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable",
        "numberMisscheduled",
    )
    return [said.get(field, 0) for field in fields]


def test_no_node_no_pod() -> None:
    world = running(0)
    assert world.pods() == []
    assert status(world) == [0] * 6


def test_a_second_pod_on_a_node_goes() -> None:
    world = running(1)
    double = objects.with_metadata(world.pods()[0], name="agent-zzz", resourceVersion=None, uid=None)
    world.now += 5
    world.create(double)
    world.settle()
    assert [m[1] for m in world.moves if m[0] == "deleting"] == ["agent-zzz"]


def test_a_taint_keeps_new_pods_away_and_counts_old_ones_as_misplaced() -> None:
    world = running(2)
    tainted = world.get("Node", "node-1")
    world.update({**tainted, "spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}})
    change(world)
    assert status(world)[0] == 1
    assert status(world)[5] == 1
    finish_all(world)
    make_ready(world)
    finish_all(world)
    make_ready(world)
    assert on(world, "node-2") == ["2 ready"]


def test_pods_that_wait_for_a_node_that_is_gone_are_deleted() -> None:
    world = daemon_world(2)
    world.create(daemon_set())
    world.settle()
    world.moves.clear()
    world.finish("Node", "node-1")
    world.settle()
    assert where(world, "deleting") == ["node-1"]


def test_pods_that_ran_on_a_node_that_is_gone_are_left_to_the_collector() -> None:
    world = running(2)
    world.finish("Node", "node-1")
    change(world, "agent:1")
    assert where(world, "deleting") == []


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (3, 3), ("50%", 2), ("30%", 2), ("1%", 1)])
def test_max_unavailable_is_a_number_or_a_share_rounded_up(limit: int | str, count: int) -> None:
    world = running(4, updateStrategy=rolling(limit))
    change(world)
    assert len(where(world, "deleting")) == count


def test_old_pods_that_do_not_work_go_at_once_and_take_the_room_of_others() -> None:
    world = running(4, updateStrategy=rolling(2))
    for pod in world.pods()[:2]:
        world.set_pod(objects.name(pod), ready=False)
    change(world)
    assert where(world, "deleting") == ["node-1", "node-2"]


def test_with_neither_surge_nor_unavailability_one_pod_goes() -> None:
    world = running(3, updateStrategy=rolling(0, 0))
    change(world)
    assert len(where(world, "deleting")) == 1


def test_on_delete_replaces_only_what_somebody_deletes() -> None:
    world = running(2, updateStrategy=ON_DELETE)
    change(world)
    assert where(world, "deleting") == []
    world.delete("Pod", objects.name(world.pods()[0]))
    finish_all(world)
    assert (on(world, "node-1"), on(world, "node-2")) == (["2 waiting"], ["1 ready"])
    assert status(world) == [2, 2, 1, 1, 1, 0]


def test_surge_puts_new_pods_beside_old_ones() -> None:
    world = running(4, updateStrategy=rolling(0, 2))
    change(world)
    assert where(world, "created") == ["node-1", "node-2"]
    assert on(world, "node-1") == ["1 ready", "2 waiting"]
    assert where(world, "deleting") == []
    make_ready(world)
    assert on(world, "node-1") == ["1 going", "2 ready"]
    assert len(where(world, "created")) == 2
    finish_all(world)
    make_ready(world)
    finish_all(world)
    assert [on(world, f"node-{n}") for n in (1, 2, 3, 4)] == [["2 ready"]] * 4
    assert status(world) == [4, 4, 4, 4, 4, 0]


def test_surge_waits_for_min_ready_seconds_before_the_old_pod_goes() -> None:
    world = daemon_world(1)
    world.create(daemon_set(updateStrategy=rolling(0, 1), minReadySeconds=10))
    make_ready(world)
    world.tick(11)
    world.settle()
    change(world)
    make_ready(world)
    assert on(world, "node-1") == ["1 ready", "2 ready"]
    world.tick(11)
    world.settle()
    assert on(world, "node-1") == ["1 going", "2 ready"]


def test_surge_does_not_count_nodes_whose_old_pod_is_broken() -> None:
    world = running(4, updateStrategy=rolling(0, 1))
    for pod in world.pods()[:2]:
        world.set_pod(objects.name(pod), ready=False)
    change(world)
    assert sorted(where(world, "created")) == ["node-1", "node-2", "node-3"]
    assert sorted(where(world, "deleting")) == ["node-1", "node-2"]  # two that do not work: only the new one stays


def test_surge_replaces_a_pod_that_is_going_at_once() -> None:
    world = running(1, updateStrategy=rolling(0, 1))
    world.delete("Pod", objects.name(world.pods()[0]))
    world.settle()
    assert on(world, "node-1") == ["1 going", "1 waiting"]


def test_with_surge_a_pod_on_an_unwanted_node_stays_until_there_are_enough() -> None:
    world = running(2, updateStrategy=rolling(0, 1))
    tainted = world.get("Node", "node-1")
    world.update({**tainted, "spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}})
    world.create(node("node-3"))
    change(world)
    assert on(world, "node-1") == ["1 ready"]
    for _ in range(4):
        make_ready(world)
        finish_all(world)
    assert (on(world, "node-1"), on(world, "node-3")) == ([], ["2 ready"])


@pytest.mark.parametrize(("phase", "event"), [("Failed", "FailedDaemonPod"), ("Succeeded", "SucceededDaemonPod")])
def test_finished_pods_are_replaced_and_told_of(phase: str, event: str) -> None:
    world = running(1)
    name = objects.name(world.pods()[0])
    world.set_pod(name, ready=False, phase=phase)
    world.settle()
    assert where(world, "deleting") == ["node-1"]
    verb = "kill" if phase == "Failed" else "delete"
    assert world.events[0] == f"{event}: Found {phase.lower()} daemon pod default/{name} on node node-1, will try to {verb} it"
    assert world.events[1] == f"SuccessfulDelete: Deleted pod: {name}"


def test_failed_pods_of_a_node_are_deleted_with_growing_pauses() -> None:
    world = running(1)
    waits = []
    for _ in range(4):
        began = world.now
        world.set_pod(objects.name(world.pods()[0]), ready=False, phase="Failed")
        world.settle()
        while not world.pods(going=True):
            world.tick(0.5)
            world.settle()
        waits.append(world.now - began)
        finish_all(world)
    assert waits == [0, 1, 2, 4]


def test_pauses_double_to_a_limit_and_are_forgotten() -> None:
    pause = backoff.following(None, 0.0)
    assert (pause.delay, backoff.left(pause, 0.4)) == (1.0, 0.6)
    for _ in range(12):
        pause = backoff.following(pause, 100.0)
    assert pause.delay == backoff.CAP
    assert backoff.following(pause, 100.0 + backoff.FORGET + 1).delay == backoff.BASE
    assert backoff.remembered({"a": pause, "b": backoff.Pause(1.0, -5000.0)}, 100.0) == {"a": pause}


def test_a_creation_that_fails_is_told_and_keeps_no_deletion_away() -> None:
    world = running(2)
    world.refuse = lambda verb, obj: errors.Forbidden("no room") if verb == "create" else None
    tainted = world.get("Node", "node-1")
    world.create(node("node-3"))
    world.update({**tainted, "spec": {"taints": [{"key": "x", "effect": "NoExecute"}]}})
    world.settle()
    assert world.events[0] == "FailedCreate: Error creating: no room"
    assert where(world, "deleting") == ["node-1"]
    assert world.again


def test_a_selector_that_selects_all_is_refused_in_words() -> None:
    world = daemon_world(1)
    world.create(daemon_set(selector={}))
    world.settle()
    assert world.events == ["SelectingAll: This daemon set is selecting all pods. A non-empty selector is required."]
    assert world.pods() == []


def test_a_daemon_set_that_is_being_deleted_does_nothing() -> None:
    world = running(1)
    world.update(objects.with_metadata(world.get("DaemonSet", "agent"), deletionTimestamp="2026-01-01T00:00:00Z"))
    world.delete("Pod", objects.name(world.pods()[0]))
    finish_all(world)
    assert world.pods() == []


def test_a_burst_has_an_end_and_the_rest_follows() -> None:
    world = running(300)
    assert len(world.pods()) == 300
    assert status(world)[:2] == [300, 300]


def test_pods_are_adopted_by_labels_and_released_by_them() -> None:
    world = running(1)
    pod = world.update(objects.with_metadata(world.pods()[0], ownerReferences=None))
    world.settle()
    pod = world.get("Pod", objects.name(pod))
    assert objects.controller_of(pod)["name"] == "agent"  # type: ignore[index]
    world.update(objects.with_metadata(pod, labels={"app": "other"}))
    world.settle()
    assert objects.controller_of(world.get("Pod", objects.name(pod))) is None
    assert len(world.pods()) == 2


def test_the_status_is_written_only_when_it_says_something_new() -> None:
    world = running(2)
    writes = world.writes
    top: Obj = world.get("DaemonSet", "agent")
    world.update(objects.with_metadata(top, labels={"a": "b"}))
    world.settle()
    assert world.writes == writes
