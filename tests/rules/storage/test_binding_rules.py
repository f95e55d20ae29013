"""Which claim gets which volume, step by step, without a cluster."""

from __future__ import annotations

import pytest

from tests.rules.storage.storage_objects import Things, claim, pod, reference_to, storage_class, volume
from wherry.api.objects import Obj, annotations_of, name
from wherry.rules.storage.binding import claims, names, protection, volumes
from wherry.rules.storage.binding.matching import best_match, matching, unfit


def best(wanted: Obj, *offered: Obj, delayed: bool = False) -> str:
    found = best_match(wanted, offered, delayed=delayed)
    return name(found) if found else ""


def settle(things: Things, at: str = "ns/c") -> Obj:
    for _ in range(8):
        if not things.apply(claims.plan_claim(things.get("PersistentVolumeClaim", at), things.world)):
            break
    return things.get("PersistentVolumeClaim", at)


# --- matching ---
def test_the_smallest_volume_that_is_large_enough_is_taken() -> None:
    assert best(claim(size="2Gi"), volume("big", "10Gi"), volume("fits", "3Gi"), volume("small", "1Gi")) == "fits"


def test_volumes_with_fewer_access_modes_come_first() -> None:
    every = ("ReadWriteOnce", "ReadWriteMany")
    assert best(claim(), volume("versatile", "1Gi", modes=every), volume("plain", "5Gi")) == "plain"
    assert best(claim(modes=["ReadWriteMany"]), volume("versatile", modes=every), volume("plain")) == "versatile"


@pytest.mark.parametrize(
    "other",
    [
        volume("v", phase="Bound"),
        volume("v", phase="Released"),
        volume("v", storageClassName="fast"),
        volume("v", volumeMode="Block"),
        volume("v", modes=["ReadOnlyMany"]),
        volume("v", claimRef=reference_to(claim("other"))),
    ],
)
def test_a_volume_of_another_kind_is_none(other: Obj) -> None:
    assert best(claim(), other) == ""


def test_a_selector_chooses_by_labels() -> None:
    wanted = claim(selector={"matchLabels": {"disk": "ssd"}})
    assert best(wanted, volume("hdd", labels={"disk": "hdd"}), volume("ssd", "4Gi", labels={"disk": "ssd"})) == "ssd"


def test_a_volume_that_names_the_claim_comes_before_a_smaller_one() -> None:
    reserved = volume("mine", "50Gi", claimRef={"namespace": "ns", "name": "c"})
    assert best(claim(), volume("small"), reserved) == "mine"
    assert best(claim(), volume("small"), reserved, delayed=True) == "mine"
    assert best(claim(), volume("small"), delayed=True) == ""


def test_a_claim_of_the_same_name_is_not_the_one_that_was_meant() -> None:
    assert best(claim(), volume("v", claimRef=reference_to(claim(), uid="an older one"))) == ""


def test_of_equal_volumes_the_first_by_name_is_taken_and_taken_ones_are_not() -> None:
    offered = [volume("b"), volume("a")]
    found = matching(claim(), offered)
    assert found is not None
    assert name(found) == "a"
    other = matching(claim(), offered, taken={"a"})
    assert other is not None
    assert name(other) == "b"


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        (volume("v", "1Mi"), "requested PV is too small"),
        (volume("v", storageClassName="x"), "storageClassName does not match"),
        (volume("v", volumeMode="Block"), "incompatible volumeMode"),
        (volume("v", modes=["ReadOnlyMany"]), "incompatible accessMode"),
    ],
)
def test_why_a_named_volume_cannot_be_had(offered: Obj, why: str) -> None:
    assert unfit(offered, claim()) == why


# --- binding ---
def test_a_binding_takes_four_writes_and_ends_in_agreement() -> None:
    things = Things(claim(), volume())
    writes = 0
    while things.apply(claims.plan_claim(things.get("PersistentVolumeClaim", "ns/c"), things.world)):
        writes += 1
        assert writes < 9
    bound, used = things.get("PersistentVolumeClaim", "ns/c"), things.get("PersistentVolume", "v")
    assert writes == 4
    assert bound["spec"]["volumeName"] == "v"
    assert bound["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    assert annotations_of(bound) == {names.BOUND_BY_CONTROLLER: "yes", names.BIND_COMPLETED: "yes"}
    assert used["status"]["phase"] == "Bound"
    assert annotations_of(used) == {names.BOUND_BY_CONTROLLER: "yes"}
    assert used["spec"]["claimRef"]["uid"] == "uid-c"


def test_a_binding_a_user_asked_for_is_not_the_controllers() -> None:
    things = Things(claim(volumeName="v"), volume(claimRef={"namespace": "ns", "name": "c"}))
    bound = settle(things)
    assert annotations_of(bound) == {names.BIND_COMPLETED: "yes"}
    assert annotations_of(things.get("PersistentVolume", "v")) == {}
    assert things.get("PersistentVolume", "v")["spec"]["claimRef"]["uid"] == "uid-c"


def test_without_a_volume_and_a_class_a_claim_waits_and_is_told() -> None:
    things = Things(claim())
    plan = claims.plan_claim(things.get("PersistentVolumeClaim", "ns/c"), things.world)
    assert plan.requeue_after == claims.LOOK_AGAIN
    things.apply(plan)
    assert things.told == ["c Normal FailedBinding: no persistent volumes available for this claim and no storage class is set"]


def test_the_newest_default_class_is_given_to_a_claim_that_names_none() -> None:
    mark = {names.IS_DEFAULT_CLASS[0]: "true"}
    old, new = storage_class("old"), storage_class("new")
    old["metadata"] |= {"annotations": mark, "creationTimestamp": "2026-01-01T00:00:00Z"}
    new["metadata"] |= {"annotations": mark, "creationTimestamp": "2026-01-02T00:00:00Z"}
    assert settle(Things(claim(), old, new))["spec"]["storageClassName"] == "new"
    assert "storageClassName" not in settle(Things(claim(), volume(), new))["spec"]
    assert settle(Things(claim(storageClassName=""), new))["spec"]["storageClassName"] == ""


def test_the_class_a_cluster_begins_with_gives_way_to_one_that_was_chosen() -> None:
    first, chosen = storage_class("standard"), storage_class("chosen")
    first["metadata"] |= {"annotations": {names.IS_DEFAULT_CLASS[0]: "true", names.FALLBACK_CLASS: "true"}}
    first["metadata"]["creationTimestamp"] = "2026-01-03T00:00:00Z"
    chosen["metadata"] |= {"annotations": {names.IS_DEFAULT_CLASS[0]: "true"}, "creationTimestamp": "2026-01-02T00:00:00Z"}
    found = names.default_class([first, chosen])
    assert found is chosen
    assert names.default_class([first]) is first


def test_word_is_left_for_the_provisioner_of_the_class() -> None:
    things = Things(claim(storageClassName="s"), storage_class("s", "example.com/disks"))
    waiting = settle(things)
    assert annotations_of(waiting)[names.STORAGE_PROVISIONER] == "example.com/disks"
    assert things.told[0].startswith("c Normal ExternalProvisioning: Waiting for a volume to be created either by the external provisioner")


@pytest.mark.parametrize(
    ("classes", "why"),
    [
        ([], 'storageclass.storage.k8s.io "s" not found'),
        ([storage_class("s", "kubernetes.io/no-provisioner")], "no volume plugin matched name: kubernetes.io/no-provisioner"),
    ],
)
def test_what_cannot_be_provisioned_is_told(classes: list[Obj], why: str) -> None:
    things = Things(claim(storageClassName="s"), *classes)
    settle(things)
    assert things.told == [f"c Warning ProvisioningFailed: {why}"]


def test_a_delayed_claim_waits_for_its_consumer() -> None:
    lazy = storage_class("s", volumeBindingMode="WaitForFirstConsumer")
    things = Things(claim(storageClassName="s"), lazy, volume(storageClassName="s"))
    settle(things)
    assert things.told == ["c Normal WaitForFirstConsumer: waiting for first consumer to be created before binding"]
    things = Things(claim(storageClassName="s"), lazy, pod("p", "c"), pod("q", "c"), pod("r", "c", node="n"))
    settle(things)
    assert things.told == ["c Normal WaitForPodScheduled: waiting for pods p,q to be scheduled"]
    things = Things(claim(storageClassName="s", notes={names.SELECTED_NODE: "n"}), lazy)
    assert names.STORAGE_PROVISIONER in annotations_of(settle(things))


def test_a_volume_of_somebody_else_is_refused() -> None:
    things = Things(claim(volumeName="v"), volume(claimRef=reference_to(claim("other"))))
    settle(things)
    assert things.told == ['c Warning FailedBinding: volume "v" already bound to a different claim.']


def test_a_claim_whose_volume_is_gone_is_lost_and_told_once() -> None:
    things = Things(claim(volumeName="v", phase="Bound", notes={names.BIND_COMPLETED: "yes"}))
    assert settle(things)["status"] == {"phase": "Lost"}
    settle(things)
    assert things.told == ["c Warning ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!"]


# --- volumes ---
def reclaimed(used: Obj) -> tuple[str, list[str]]:
    things = Things(used)
    for _ in range(4):
        if not things.apply(volumes.plan_volume(things.get("PersistentVolume", "v"), things.world)):
            break
    return things.get("PersistentVolume", "v")["status"]["phase"], things.told


def test_a_volume_becomes_available_and_is_released_when_its_claim_is_gone() -> None:
    assert reclaimed(volume(phase="Pending")) == ("Available", [])
    assert reclaimed(volume(phase="Bound", claimRef=reference_to(claim()))) == ("Released", [])


def test_recycling_is_refused_by_event() -> None:
    gone = volume(phase="Bound", claimRef=reference_to(claim()), persistentVolumeReclaimPolicy="Recycle")
    assert reclaimed(gone) == ("Failed", ["v Warning VolumeFailedRecycle: No recycler plugin found for the volume!"])


def test_what_nobody_can_delete_fails() -> None:
    path = {"path": "/srv/x", "type": ""}
    gone = volume(phase="Released", claimRef=reference_to(claim()), persistentVolumeReclaimPolicy="Delete", hostPath=path)
    text = "v Warning VolumeFailedDelete: host_path deleter only supports /tmp/.+ but received provided /srv/x"
    assert reclaimed(gone) == ("Failed", [text])


def test_a_volume_whose_claim_went_elsewhere_is_free_again() -> None:
    mine = volume(phase="Bound", claimRef=reference_to(claim()), notes={names.BOUND_BY_CONTROLLER: "yes"})
    things = Things(claim(volumeName="other"), mine)
    things.apply(volumes.plan_volume(mine, things.world))
    free = things.get("PersistentVolume", "v")
    assert "claimRef" not in free["spec"]
    assert "annotations" not in free["metadata"]


# --- protection ---
def test_a_claim_is_held_while_a_pod_that_has_a_node_uses_it() -> None:
    going = claim()
    going["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [names.CLAIM_PROTECTION, "x"]}
    assert not protection.plan_claim(going, [pod("p", "c", node="n", phase="Succeeded")]).actions
    action = protection.plan_claim(going, [pod("p", "c"), pod("q", "d", node="n")]).actions[0]
    assert action.obj["metadata"]["finalizers"] == ["x"]  # type: ignore[union-attr]


def test_a_volume_is_held_while_it_is_bound() -> None:
    for phase, held in (("Bound", True), ("Released", False)):
        going = volume(phase=phase)
        going["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [names.VOLUME_PROTECTION]}
        assert bool(protection.plan_volume(going).actions) is not held
