"""Members of a StatefulSet: names and ordinals, the pods made for them, their claims, and who owns these."""

from __future__ import annotations

import pytest

from tests.rules.workloads.statefulset.stateful_world import claim_template, rolling, stateful_set
from tests.worlds.memory import template
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Emit, Update
from wherry.rules.workloads import revisions
from wherry.rules.workloads.statefulset import identity, retention, storage
from wherry.rules.workloads.statefulset.known_pods import Standing
from wherry.rules.workloads.statefulset.pod import new_pod, repaired
from wherry.rules.workloads.statefulset.view import View


def owner(**spec: object) -> Obj:
    return objects.with_metadata(stateful_set(**spec), uid="set-uid", namespace="default")  # type: ignore[arg-type]


def view(top: Obj, old: str = "nginx:0", claims: dict[str, Obj] | None = None) -> View:
    before = {**top, "spec": {**top["spec"], "template": template(old)}}
    current, update = (revisions.new_revision(each, 1, "hash") for each in (before, top))
    return View(top, current, update, Standing(top), (claims or {}).get, 0.0)


@pytest.mark.parametrize(
    ("name", "ordinal"),
    [("web-0", 0), ("web-17", 17), ("web-01", -1), ("web", -1), ("web-", -1), ("web-x", -1), ("other-1", -1), ("web-a-1", -1),
     ("web-4294967296", -1), ("web-٣", -1)],
)
def test_an_ordinal_is_read_from_a_members_name_only(name: str, ordinal: int) -> None:
    assert identity.ordinal_of("web", name) == ordinal


def test_ordinals_begin_where_the_spec_says() -> None:
    assert list(identity.ordinals(owner(replicas=3, ordinals={"start": 5}))) == [5, 6, 7]
    assert list(identity.ordinals(owner(replicas=0))) == []
    del (bare := owner())["spec"]["replicas"]
    assert list(identity.ordinals(bare)) == [0]


def test_a_new_pod_has_its_name_in_all_places() -> None:
    pod = new_pod(view(owner()), 2)
    update = objects.name(view(owner()).update)
    assert (objects.name(pod), pod["metadata"]["generateName"], objects.namespace(pod)) == ("web-2", "web-", "default")
    assert objects.labels(pod) == {
        "app": "web", "statefulset.kubernetes.io/pod-name": "web-2", "apps.kubernetes.io/pod-index": "2",
        "controller-revision-hash": update,
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-2", "web")
    assert objects.is_controlled_by(pod, owner())


def test_without_a_service_name_there_is_no_subdomain() -> None:
    assert "subdomain" not in new_pod(view(owner(serviceName="")), 0)["spec"]


@pytest.mark.parametrize(
    ("updates", "status", "ordinal", "image"),
    [
        (rolling(2), {}, 1, "nginx:0"), (rolling(2), {}, 2, "nginx:1"), (rolling(0), {"currentReplicas": 3}, 0, "nginx:1"),
        ({"type": "RollingUpdate"}, {"currentReplicas": 2}, 1, "nginx:0"),
        ({"type": "RollingUpdate"}, {"currentReplicas": 2}, 2, "nginx:1"),
        ({"type": "OnDelete"}, {"currentReplicas": 3}, 0, "nginx:1"),
    ],
)
def test_a_pod_is_made_from_the_revision_its_ordinal_should_have(updates: Obj, status: Obj, ordinal: int, image: str) -> None:
    top = {**owner(updateStrategy=updates), "status": status}
    assert new_pod(view(top), ordinal)["spec"]["containers"][0]["image"] == image


def test_the_partition_is_counted_from_the_first_ordinal() -> None:
    top = owner(updateStrategy=rolling(1), ordinals={"start": 4})
    assert [new_pod(view(top), o)["spec"]["containers"][0]["image"] for o in (4, 5)] == ["nginx:0", "nginx:1"]


def test_a_pods_volumes_are_its_claims_and_the_templates_others() -> None:
    made = template("nginx:1")
    made["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    top = owner(template=made, volumeClaimTemplates=[claim_template()])
    pod = new_pod(view(top), 1)
    assert pod["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}, {"name": "tmp", "emptyDir": {}},
    ]
    assert storage.fits(top, pod)
    assert not storage.fits(top, {**pod, "spec": made["spec"]})
    assert repaired(top, {**pod, "spec": made["spec"]})["spec"]["volumes"] == pod["spec"]["volumes"]


def test_a_claim_carries_its_templates_labels_and_the_selectors() -> None:
    top = owner(volumeClaimTemplates=[claim_template(labels={"tier": "db"}, annotations={"a": "b"}), claim_template("log")])
    first, second = storage.missing(top, "web-0", lambda name: None)
    assert first["metadata"] == {
        "name": "data-web-0", "namespace": "default", "labels": {"tier": "db", "app": "web"}, "annotations": {"a": "b"},
    }
    assert first["spec"] == claim_template()["spec"]
    assert objects.name(second) == "log-web-0"
    assert storage.pod_of_claim(top, "log-web-0") == "web-0"
    assert storage.pod_of_claim(top, "log-other-0") == ""


# --- owners of claims ---
def pod(ordinal: int, uid: str = "pod-uid") -> Obj:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{ordinal}", "namespace": "default", "uid": uid}, "spec": {}}


def claim(*refs: Obj) -> Obj:
    made: Obj = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-web-0", "namespace": "default"}}
    return objects.with_metadata(made, ownerReferences=list(refs) or None)


def retaining(deleted: str, scaled: str, replicas: int = 1) -> Obj:
    policy = {"whenDeleted": deleted, "whenScaled": scaled}
    return owner(replicas=replicas, volumeClaimTemplates=[claim_template()], persistentVolumeClaimRetentionPolicy=policy)


def owners_after(top: Obj, before: Obj) -> list[str]:
    actions = retention.corrections(top, pod(0), lambda name: before)
    after = next((a.obj for a in actions if isinstance(a, Update)), before)
    return [ref["kind"] for ref in after["metadata"].get("ownerReferences") or ()]


@pytest.mark.parametrize(
    ("deleted", "scaled", "replicas", "owners"),
    [
        ("Retain", "Retain", 1, []), ("Retain", "Retain", 0, []),
        ("Delete", "Retain", 1, ["StatefulSet"]), ("Delete", "Retain", 0, ["StatefulSet"]),
        ("Retain", "Delete", 1, []), ("Retain", "Delete", 0, ["Pod"]),
        ("Delete", "Delete", 1, ["StatefulSet"]), ("Delete", "Delete", 0, ["Pod"]),
    ],
)
def test_the_policy_says_who_owns_a_claim(deleted: str, scaled: str, replicas: int, owners: list[str]) -> None:
    top = retaining(deleted, scaled, replicas)
    of_set, of_pod = objects.controller_ref(top), objects.controller_ref(pod(0))
    for before in (claim(), claim(of_set), claim(of_pod), claim(of_set, of_pod), claim({**of_set, "controller": False})):
        assert owners_after(top, before) == owners
    settled = claim(*(of_set if kind == "StatefulSet" else of_pod for kind in owners))
    assert retention.corrections(top, pod(0), lambda name: settled) == []


def test_a_claim_of_an_earlier_set_or_pod_is_left_alone() -> None:
    top = retaining("Delete", "Delete")
    for earlier in (top, pod(0)):
        stale = {"data-web-0": claim({**objects.controller_ref(earlier), "uid": "old"})}
        assert not any(isinstance(a, Update) for a in retention.corrections(top, pod(0), stale.get))


def test_another_controller_keeps_the_claim_and_is_told_of() -> None:
    top = retaining("Delete", "Retain")
    other = {"apiVersion": "example.com/v1", "kind": "Keeper", "name": "k", "uid": "k", "controller": True}
    warned = retention.corrections(top, pod(0), lambda name: claim(other))
    assert [a.reason for a in warned if isinstance(a, Emit)] == ["ConflictingController"]
    assert len(warned) == 1
    assert owners_after(top, claim(other, {**objects.controller_ref(top), "controller": False})) == ["Keeper"]
    assert retention.corrections(retaining("Retain", "Retain"), pod(0), lambda name: claim(other)) == []


def test_a_new_pod_waits_for_a_claim_that_will_be_deleted_with_the_old_pod() -> None:
    doomed = claim({**objects.controller_ref(pod(0)), "uid": "old"})
    assert retention.is_doomed(retaining("Retain", "Delete"), pod(0, ""), lambda name: doomed)
    assert not retention.is_doomed(retaining("Retain", "Retain"), pod(0, ""), lambda name: doomed)
    assert not retention.is_doomed(retaining("Retain", "Delete"), pod(0, ""), lambda name: claim())
