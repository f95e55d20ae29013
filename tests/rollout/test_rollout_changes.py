"""The patches of undo, pause, resume and restart, and which requests make no sense."""

from __future__ import annotations

import pytest

from tests.rollout.workloads import daemon_set, deployment, stateful_set, template
from wherry.rollout import changes
from wherry.rollout.errors import NothingToUndo, Paused, RevisionNotFound, Unchanged, Unsupported
from wherry.rollout.revisions import Revision, choose, pair
from wherry.rollout.targets import DAEMON_SETS, DEPLOYMENTS, Named, find, parse


def of_replica_set(number: int, image: str, cause: str = "") -> Revision:
    notes = {"deployment.kubernetes.io/revision": str(number), "note": f"r{number}",
             **({"kubernetes.io/change-cause": cause} if cause else {})}
    rs = {"kind": "ReplicaSet", "metadata": {"name": f"web-{number}", "annotations": notes},
          "spec": {"template": template(image, **{"pod-template-hash": str(number)})}}
    return Revision(number, cause, rs["spec"]["template"], rs)  # type: ignore[index]


def test_undo_of_a_deployment_replaces_template_and_annotations() -> None:
    web = deployment(image="nginx:2")
    web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2", "kubectl.kubernetes.io/last-applied-configuration": "{}",
                                      "note": "r2"}
    change = changes.undo(web, of_replica_set(1, "nginx:1", "first"))
    assert change is not None
    assert change.patch == [
        {"op": "replace", "path": "/spec/template", "value": template("nginx:1")},
        {"op": "replace", "path": "/metadata/annotations", "value": {
            "deployment.kubernetes.io/revision": "2", "kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "r1",
            "kubernetes.io/change-cause": "first"}},
    ]


def test_undo_to_the_running_template_changes_nothing() -> None:
    assert changes.undo(deployment(image="nginx:1"), of_replica_set(1, "nginx:1")) is None


def test_undo_may_say_why() -> None:
    change = changes.undo(deployment(image="nginx:2"), of_replica_set(1, "nginx:1", "first"), "it broke")
    assert change is not None
    assert change.patch[1]["value"]["kubernetes.io/change-cause"] == "it broke"


def test_a_paused_deployment_is_not_undone() -> None:
    with pytest.raises(Paused,
                       match="you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"):
        changes.undo(deployment(image="nginx:2", paused=True), of_replica_set(1, "nginx:1"))


def test_undo_of_the_others_is_what_the_revision_keeps() -> None:
    data = {"spec": {"template": {**template("nginx:0"), "$patch": "replace"}}}
    revision = Revision(1, "", template("nginx:0"), {"kind": "ControllerRevision", "metadata": {"name": "x"}, "data": data})
    assert changes.undo(daemon_set(), revision) == (data, "application/strategic-merge-patch+json")


def test_pause_and_resume() -> None:
    assert changes.pause(deployment()).patch == {"spec": {"paused": True}}
    assert changes.resume(deployment(paused=True)).patch == {"spec": {"paused": None}}
    with pytest.raises(Paused, match="is already paused"):
        changes.pause(deployment(paused=True))
    with pytest.raises(Paused, match="is not paused"):
        changes.resume(deployment())
    with pytest.raises(Unsupported, match="pausing is not supported"):
        changes.pause(stateful_set())
    with pytest.raises(Unsupported, match="resuming is not supported"):
        changes.resume(daemon_set())


def test_restart_marks_the_template() -> None:
    change = changes.restart(stateful_set(), "2026-01-02T03:04:05Z", "fresh")
    mark = {"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z"}
    assert change.patch == {"spec": {"template": {"metadata": {"annotations": mark}}},
                            "metadata": {"annotations": {"kubernetes.io/change-cause": "fresh"}}}


def test_a_second_restart_in_the_same_second_and_one_of_what_is_paused_are_refused() -> None:
    web = deployment()
    web["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    with pytest.raises(Unchanged, match="if restart has already been triggered within the past second"):
        changes.restart(web, "now")
    with pytest.raises(Paused, match=r"can't restart paused deployment \(run rollout resume first\)"):
        changes.restart(deployment(paused=True), "now")
    with pytest.raises(Unsupported, match="restarting is not supported"):
        changes.restart({"kind": "ReplicaSet", "metadata": {"name": "x"}, "spec": {}}, "now")


def test_the_revision_to_go_back_to() -> None:
    found = [of_replica_set(n, f"nginx:{n}") for n in (1, 3, 4)]
    web = Named(DEPLOYMENTS, "web")
    assert choose(found, 0, web).number == 3
    assert choose(found, 1, web).number == 1
    with pytest.raises(RevisionNotFound, match="unable to find specified revision 2 in history"):
        choose(found, 2, web)
    with pytest.raises(NothingToUndo, match='no rollout history found for deployment "web"'):
        choose(found[:1], 0, web)
    with pytest.raises(NothingToUndo, match="no last revision to roll back to"):
        choose([], 0, Named(DAEMON_SETS, "agent"))


def test_the_two_revisions_to_compare() -> None:
    found = [of_replica_set(n, f"nginx:{n}") for n in (1, 3, 4)]
    web = Named(DEPLOYMENTS, "web")
    assert [r.number for r in pair(found, [], web)] == [3, 4]
    assert [r.number for r in pair(found, [3], web)] == [1, 3]
    assert [r.number for r in pair(found, [4, 1], web)] == [4, 1]
    with pytest.raises(NothingToUndo):
        pair(found, [1], web)


@pytest.mark.parametrize("text", ["deployment/web", "deploy/web", "deployments.apps/web", "deployments.v1.apps/web"])
def test_a_target_is_named_in_every_way_kubectl_knows(text: str) -> None:
    assert parse(text) == Named(DEPLOYMENTS, "web")


def test_only_three_kinds_are_rolled_out() -> None:
    with pytest.raises(Unsupported):
        parse("pod/web")
    assert find("nosuch") is None
