"""Revisions: how they are numbered, named, found again, and forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.workloads.deployment.workload_world import World, deployment, template
from wherry.api import objects
from wherry.api.errors import Cause, Forbidden, StatusError, forbidden
from wherry.api.objects import Obj
from wherry.rules.workloads.deployment import annotations as notes
from wherry.rules.workloads.deployment.create import replica_set_name
from wherry.rules.workloads.template_hash import HASH_LABEL, same_template, template_hash


@pytest.fixture
def world() -> World:
    world = World()
    world.create(deployment(replicas=0))
    world.settle()
    return world


def roll_out(world: World, image: str) -> None:
    world.now += 1
    world.edit("Deployment", "web", template=template(image))
    world.settle()


def annotate(world: World, **annotations: str) -> None:
    top = world.get("Deployment", "web")
    given = {k.replace("__", "/"): v for k, v in annotations.items()}
    world.update(objects.with_metadata(top, annotations={**objects.annotations_of(top), **given}))


def noted(world: World, index: int) -> dict[str, str]:
    return objects.annotations_of(world.get("ReplicaSet", world.created[index]))


def revision(world: World) -> str:
    return objects.annotations_of(world.get("Deployment", "web"))[notes.REVISION]


def test_a_new_template_is_a_new_revision(world: World) -> None:
    roll_out(world, "nginx:2")
    assert [noted(world, i)[notes.REVISION] for i in range(2)] == ["1", "2"]
    assert revision(world) == "2"


def test_going_back_gives_the_old_replica_set_the_next_number_and_a_history(world: World) -> None:
    for image in ("nginx:2", "nginx:1", "nginx:2", "nginx:1"):
        roll_out(world, image)
    assert len(world.created) == 2
    assert (noted(world, 0)[notes.REVISION], noted(world, 0)[notes.REVISION_HISTORY]) == ("5", "1,3")
    assert (noted(world, 1)[notes.REVISION], noted(world, 1)[notes.REVISION_HISTORY]) == ("4", "2")
    assert revision(world) == "5"


def test_a_long_history_forgets_its_oldest_revisions() -> None:
    history = ",".join(str(n) for n in range(100_000, 100_285))  # 1994 characters
    replica_set: Obj = {"metadata": {"annotations": {notes.REVISION: "200000", notes.REVISION_HISTORY: history}}}
    wanted = notes.for_new_replica_set({"metadata": {}}, replica_set, 200_001)
    kept = wanted[notes.REVISION_HISTORY]
    assert len(kept) <= 2000
    assert kept.startswith("100001,")
    assert kept.endswith(",100284,200000")


def test_a_revision_never_goes_back_when_older_ones_are_deleted() -> None:
    replica_set: Obj = {"metadata": {"annotations": {notes.REVISION: "7"}}}
    assert notes.for_new_replica_set({"metadata": {}}, replica_set, 3) == {notes.REVISION: "7"}


def test_a_revision_that_is_no_number_is_left_alone() -> None:
    replica_set: Obj = {"metadata": {"annotations": {notes.REVISION: "seven"}}}
    assert notes.for_new_replica_set({"metadata": {"annotations": {"a": "b"}}}, replica_set, 3) == {notes.REVISION: "seven"}


def test_annotations_go_to_the_new_replica_set_except_the_special_ones(world: World) -> None:
    annotate(world, **{"kubernetes.io__change-cause": "better", notes.LAST_APPLIED.replace("/", "__"): "{}"})
    world.settle()
    assert noted(world, 0)["kubernetes.io/change-cause"] == "better"
    assert notes.LAST_APPLIED not in noted(world, 0)
    roll_out(world, "nginx:2")
    assert noted(world, 1)["kubernetes.io/change-cause"] == "better"


def test_min_ready_seconds_is_handed_down(world: World) -> None:
    world.edit("Deployment", "web", minReadySeconds=7)
    world.settle()
    assert world.get("ReplicaSet", world.created[0])["spec"]["minReadySeconds"] == 7


def test_labels_selector_and_name_carry_the_hash(world: World) -> None:
    made = world.get("ReplicaSet", world.created[0])
    hash_ = made["metadata"]["labels"][HASH_LABEL]
    assert objects.name(made) == f"web-{hash_}"
    assert made["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"] == {"app": "web", HASH_LABEL: hash_}
    assert made["spec"]["selector"]["matchLabels"] == {"app": "web", HASH_LABEL: hash_}
    assert objects.is_controlled_by(made, world.get("Deployment", "web"))
    assert HASH_LABEL not in world.get("Deployment", "web")["spec"]["template"]["metadata"]["labels"]


def test_a_very_long_name_is_cut_before_the_hash() -> None:
    assert len(replica_set_name("d" * 253, "h" * 10)) == 253
    assert replica_set_name("web", "abc") == "web-abc"


def test_a_taken_name_counts_a_collision_and_another_name_is_tried(world: World) -> None:
    roll_out(world, "nginx:2")
    taken = world.created[1]
    world.delete("ReplicaSet", taken)
    stranger = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": taken, "labels": {"app": "other"}},
                "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "other"}}, "template": template("other", "other")}}
    world.create(stranger)
    world.created.pop()
    world.settle()
    assert world.get("Deployment", "web")["status"]["collisionCount"] == 1
    assert world.created[2] != taken
    assert objects.is_controlled_by(world.get("ReplicaSet", world.created[2]), world.get("Deployment", "web"))


def test_a_replica_set_that_cannot_be_created_is_told() -> None:
    world = World()
    world.create(deployment())
    world.refuse = lambda obj: forbidden("replicasets.apps", objects.name(obj), "no")
    world.sync_deployment("web")
    said = objects.condition(world.get("Deployment", "web"), "Progressing")
    assert said is not None
    assert (said["status"], said["reason"]) == ("False", "ReplicaSetCreateError")
    assert said["message"].startswith('Failed to create new replica set "web-')
    assert world.events == ["ReplicaSetCreateError: " + said["message"]]


def test_in_a_terminating_namespace_nothing_is_told() -> None:
    def refuse(obj: Obj) -> StatusError:
        return Forbidden("going", {"causes": [Cause("NamespaceTerminating", "going", "metadata.namespace").to_json()]})

    world = World()
    world.create(deployment())
    world.refuse = refuse
    world.sync_deployment("web")
    assert (world.events, world.get("Deployment", "web")["status"]) == ([], {})


def test_only_as_many_old_revisions_stay_as_the_limit_allows(world: World) -> None:
    for n in range(2, 7):
        roll_out(world, f"nginx:{n}")
    world.edit("Deployment", "web", revisionHistoryLimit=2)
    world.settle()
    assert sorted(noted(world, world.created.index(objects.name(rs)))[notes.REVISION] for rs in world.all("ReplicaSet")) == ["4", "5", "6"]


def test_a_limit_of_zero_keeps_no_old_revision(world: World) -> None:
    world.edit("Deployment", "web", revisionHistoryLimit=0)
    roll_out(world, "nginx:2")
    assert len(world.all("ReplicaSet")) == 1


def test_old_revisions_with_pods_or_an_unseen_change_stay(world: World) -> None:
    for n in (2, 3):
        roll_out(world, f"nginx:{n}")
    unseen = world.get("ReplicaSet", world.created[0])
    world.update(objects.with_metadata(unseen, generation=99))
    world.edit("Deployment", "web", revisionHistoryLimit=0)
    for _ in range(5):
        world.sync_deployment("web")
    assert {objects.name(rs) for rs in world.all("ReplicaSet")} == {world.created[0], world.created[2]}


@pytest.mark.parametrize(("asked", "image", "event"), [
    ("1", "nginx:1", 'DeploymentRollback: Rolled back deployment "web" to revision 1'),
    ("0", "nginx:2", 'DeploymentRollback: Rolled back deployment "web" to revision 2'),
    ("9", "nginx:3", "DeploymentRollbackRevisionNotFound: Unable to find the revision to rollback to."),
    ("3", "nginx:3", 'DeploymentRollbackTemplateUnchanged: The rollback revision contains the same template as current deployment "web"'),
])
def test_the_legacy_annotation_rolls_back(world: World, asked: str, image: str, event: str) -> None:
    for n in (2, 3):
        roll_out(world, f"nginx:{n}")
    annotate(world, **{notes.ROLLBACK_TO.replace("/", "__"): asked})
    world.settle()
    top = world.get("Deployment", "web")
    assert world.events[-1] == event
    assert top["spec"]["template"]["spec"]["containers"][0]["image"] == image
    assert notes.ROLLBACK_TO not in objects.annotations_of(top)


def test_the_legacy_rollback_needs_a_revision_before(world: World) -> None:
    annotate(world, **{notes.ROLLBACK_TO: "0"})
    world.settle()
    assert world.events[-1] == "DeploymentRollbackRevisionNotFound: Unable to find last revision."


def changed(**changes: Any) -> Obj:
    base = template("nginx:1")
    return {**base, "spec": {**base["spec"], **changes}}


@pytest.mark.parametrize("same", [
    {"hostNetwork": False}, {"nodeSelector": {}}, {"volumes": []}, {"hostname": ""}, {"securityContext": None},
    {"containers": [{"name": "main", "image": "nginx:1", "resources": {}, "stdin": False, "env": []}]},
])
def test_what_says_nothing_makes_no_revision(same: dict[str, Any]) -> None:
    assert same_template(changed(**same), changed())
    assert template_hash(changed(**same)) == template_hash(changed())


@pytest.mark.parametrize("other", [
    {"hostUsers": False}, {"terminationGracePeriodSeconds": 0}, {"automountServiceAccountToken": False},
    {"securityContext": {"runAsUser": 0}}, {"nodeSelector": {"a": ""}}, {"hostname": "x"},
    {"containers": [{"name": "main", "image": "nginx:1", "stdin": True}]},
])
def test_a_zero_that_means_something_makes_a_revision(other: dict[str, Any]) -> None:
    assert not same_template(changed(**other), changed())
    assert template_hash(changed(**other)) != template_hash(changed())


def test_quantities_compare_by_value_and_the_hash_label_does_not_count() -> None:
    def limits(cpu: str) -> Obj:
        return changed(containers=[{"name": "main", "image": "nginx:1", "resources": {"limits": {"cpu": cpu}}}])

    assert same_template(limits("1"), limits("1000m"))
    assert not same_template(limits("1"), limits("1001m"))
    labelled = {**template("nginx:1"), "metadata": {"labels": {"app": "web", HASH_LABEL: "x"}}}
    assert same_template(labelled, template("nginx:1"))


def test_hashes_are_short_safe_and_differ_by_collision_count() -> None:
    hashes = {template_hash(template("nginx:1"), n) for n in (None, 0, 1, 2)}
    assert len(hashes) == 4
    assert all(len(h) == 10 and set(h) <= set("bcdfghjklmnpqrstvwxz2456789") for h in hashes)
