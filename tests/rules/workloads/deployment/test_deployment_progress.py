"""Progress of a rollout: its deadline, pausing, and when the controller looks again."""

from __future__ import annotations

import pytest

from tests.rules.workloads.deployment.workload_world import World, deployment, template
from wherry.api import objects, timestamps
from wherry.api.errors import forbidden
from wherry.api.objects import Obj


def progressing(world: World) -> Obj:
    found = objects.condition(world.get("Deployment", "web"), "Progressing")
    assert found is not None
    return found


@pytest.fixture
def world() -> World:
    world = World()
    world.create(deployment(replicas=2, progressDeadlineSeconds=30))
    world.settle()
    return world


def all_ready(world: World) -> None:
    for pod in world.all("Pod"):
        world.set_pod(objects.name(pod), ready=True)
    world.settle()


def test_a_stuck_rollout_is_looked_at_a_second_after_its_deadline(world: World) -> None:
    assert world.requeue["web"] == 31
    world.now += 12
    world.settle()
    assert world.requeue["web"] == 19


def test_a_stuck_rollout_is_looked_at_soon_when_its_deadline_is_near(world: World) -> None:
    world.now += 29.5
    world.settle()
    assert world.requeue["web"] == pytest.approx(0.51)
    world.now += 0.5
    world.settle()
    assert progressing(world)["status"] == "True"
    assert world.requeue["web"] == pytest.approx(0.01)


def test_no_progress_within_the_deadline_is_reported_once(world: World) -> None:
    world.now += 31
    world.settle()
    said = progressing(world)
    assert (said["status"], said["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert said["message"] == f'ReplicaSet "{world.created[0]}" has timed out progressing.'
    assert world.requeue["web"] is None
    writes = world.writes
    world.now += 100
    world.settle()
    assert world.writes == writes


def test_a_late_rollout_still_completes(world: World) -> None:
    world.now += 31
    world.settle()
    all_ready(world)
    said = progressing(world)
    assert (said["status"], said["reason"]) == ("True", "NewReplicaSetAvailable")
    assert said["message"] == f'ReplicaSet "{world.created[0]}" has successfully progressed.'


def test_progress_starts_the_deadline_anew_and_leaves_the_time_of_transition(world: World) -> None:
    first = progressing(world)
    world.now += 20
    world.set_pod(objects.name(world.all("Pod")[0]), ready=True)
    world.settle()
    assert progressing(world)["lastUpdateTime"] == timestamps.time(world.now)
    assert progressing(world)["lastTransitionTime"] == first["lastTransitionTime"]
    assert world.requeue["web"] == 31


def test_a_complete_rollout_is_not_measured(world: World) -> None:
    all_ready(world)
    assert world.requeue["web"] is None
    world.now += 1000
    world.settle()
    assert progressing(world)["reason"] == "NewReplicaSetAvailable"


def test_without_a_deadline_there_is_no_progressing_condition() -> None:
    for deadline in (None, 2**31 - 1):
        world = World()
        world.create(deployment(progressDeadlineSeconds=deadline))
        world.settle()
        assert [c["type"] for c in world.get("Deployment", "web")["status"]["conditions"]] == ["Available"]
        assert world.requeue["web"] is None


def test_a_pause_stops_the_time_and_is_said(world: World) -> None:
    world.edit("Deployment", "web", paused=True)
    world.settle()
    said = progressing(world)
    assert (said["status"], said["reason"], said["message"]) == ("Unknown", "DeploymentPaused", "Deployment is paused")
    world.now += 1000
    world.settle()
    world.edit("Deployment", "web", paused=False)
    world.sync_deployment("web")
    said = progressing(world)
    assert (said["status"], said["reason"], said["message"]) == ("Unknown", "DeploymentResumed", "Deployment is resumed")
    world.settle()
    assert progressing(world)["reason"] != "ProgressDeadlineExceeded"


def test_a_pause_does_not_hide_a_passed_deadline(world: World) -> None:
    world.now += 31
    world.settle()
    world.edit("Deployment", "web", paused=True)
    world.settle()
    assert progressing(world)["reason"] == "ProgressDeadlineExceeded"


def test_a_paused_deployment_makes_no_new_revision_but_scales(world: World) -> None:
    all_ready(world)
    world.edit("Deployment", "web", paused=True, template=template("nginx:2"), replicas=5)
    world.settle()
    assert len(world.created) == 1
    assert world.get("ReplicaSet", world.created[0])["spec"]["replicas"] == 5
    status = world.get("Deployment", "web")["status"]
    assert (status["observedGeneration"], status["replicas"], status.get("updatedReplicas")) == (2, 5, None)


def test_failing_pods_are_told_in_the_deployment() -> None:
    world = World()
    world.create(deployment(replicas=2))
    world.refuse = lambda obj: forbidden("pods", objects.name(obj), "exceeded quota") if obj["kind"] == "Pod" else None
    world.sync_deployment("web")
    name = world.created[0]
    world.sync_replica_set(name)
    world.sync_deployment("web")
    failure = objects.condition(world.get("Deployment", "web"), "ReplicaFailure")
    assert failure is not None
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert failure["message"].endswith("is forbidden: exceeded quota")
    assert [e for e in world.rs_events if e.startswith("FailedCreate: Error creating: pods ")]
    world.refuse = lambda obj: None
    world.settle()
    assert objects.condition(world.get("Deployment", "web"), "ReplicaFailure") is None
