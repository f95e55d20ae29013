"""ControllerRevisions: names, numbers, equality, collisions and limits."""

from __future__ import annotations

from tests.rules.workloads.daemonset.daemon_world import daemon_set
from tests.rules.workloads.statefulset.stateful_world import stateful_set, stateful_world
from tests.worlds.memory import template
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Create, Delete, Patch, Update
from wherry.rules.workloads import revisions
from wherry.rules.workloads.daemonset import history as daemon_history
from wherry.rules.workloads.statefulset import history


def owner(image: str = "nginx:1", **status: object) -> Obj:
    made = objects.with_metadata(stateful_set(image=image), uid="u", namespace="default", annotations={"kubernetes.io/change-cause": "why"})
    return {**made, "status": {**made["status"], **status}}


def revision(number: int, image: str, created: str = "", name: str = "") -> Obj:
    made = revisions.new_revision(owner(image), number, history.HASH_LABEL)
    return objects.with_metadata(made, creationTimestamp=created, name=name or objects.name(made))


def test_a_revision_keeps_the_template_as_the_patch_that_puts_it_back() -> None:
    made = revision(4, "nginx:1")
    assert made["data"] == {"spec": {"template": {**template("nginx:1"), "$patch": "replace"}}}
    assert made["revision"] == 4
    assert revisions.template_of(made, owner()) == template("nginx:1")
    code = objects.name(made).removeprefix("web-")
    assert objects.labels(made) == {"app": "web", "controller.kubernetes.io/hash": code}
    assert objects.annotations_of(made) == {"kubernetes.io/change-cause": "why"}
    assert objects.is_controlled_by(made, owner())


def test_a_revision_that_somebody_else_wrote_may_be_any_patch() -> None:
    foreign = {**revision(1, "nginx:1"), "data": {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:9"}]}}}}}
    assert revisions.template_of(foreign, owner()) == template("nginx:9")
    assert revisions.is_of(foreign, owner("nginx:9"))


def test_a_long_name_leaves_room_for_the_hash() -> None:
    long = objects.with_metadata(owner(), name="n" * 253)
    name = objects.name(revisions.new_revision(long, 1, history.HASH_LABEL))
    assert len(name) <= 253
    assert name.startswith("n" * 223 + "-")


def test_the_order_is_by_number_then_age_then_name() -> None:
    made = [revision(2, "a"), revision(1, "b", "2026-01-02"), revision(1, "c", "2026-01-01", "z"), revision(1, "d", "2026-01-01", "y")]
    assert [r["data"]["spec"]["template"]["spec"]["containers"][0]["image"] for r in revisions.in_order(made)] == ["d", "c", "b", "a"]
    assert revisions.next_number(made) == 3
    assert revisions.next_number([]) == 1


def test_another_collision_count_gives_another_name() -> None:
    names = {revisions.present_hash(owner(collisionCount=count)) for count in (None, 1, 2)}
    assert len(names) == 3
    assert revisions.present_hash(owner(collisionCount=0)) == revisions.present_hash(owner())


def test_a_template_without_a_revision_gets_one() -> None:
    plan = history.plan_history(owner("nginx:3"), [revision(1, "nginx:1"), revision(5, "nginx:2")]).plan
    assert [type(a) for a in plan.actions] == [Create]
    assert plan.actions[0].obj["revision"] == 6  # type: ignore[union-attr]


def test_an_old_template_makes_its_revision_the_newest() -> None:
    first = revision(1, "nginx:1")
    plan = history.plan_history(owner("nginx:1"), [first, revision(2, "nginx:2")]).plan
    assert plan.actions == (Update({**first, "revision": 3}),)


def test_the_same_template_in_other_words_is_the_same_revision() -> None:
    spec = {**template("nginx:1")["spec"], "nodeSelector": {}, "hostNetwork": False}
    top, last = owner(), revision(2, "nginx:1")
    top["spec"]["template"] = {**template("nginx:1"), "spec": spec}
    found = history.plan_history(top, [revision(1, "a"), last])
    assert found.plan.actions == ()
    assert found.update is last


def test_the_current_revision_is_the_one_in_the_status_while_it_is_there() -> None:
    own = [revision(1, "nginx:1"), revision(2, "nginx:2")]
    kept = history.plan_history(owner("nginx:2", currentRevision=objects.name(own[0])), own)
    assert (kept.current, kept.update) == (own[0], own[1])
    lost = history.plan_history(owner("nginx:2", currentRevision="web-gone"), own)
    assert (lost.current, lost.update) == (own[1], own[1])


def test_a_deleted_set_gets_no_new_revision() -> None:
    found = history.plan_history(objects.with_metadata(owner(), deletionTimestamp="2026-01-01T00:00:00Z"), [])
    assert (found.plan.actions, found.update) == ((), None)


def test_the_oldest_beyond_the_limit_go_but_never_one_that_is_in_use() -> None:
    own = [revision(n, f"nginx:{n}") for n in range(1, 7)]
    top = owner("nginx:6")
    top["spec"]["revisionHistoryLimit"] = 2
    assert history.truncated(top, own, [own[5]], [objects.name(own[0])]) == (Delete(own[1]), Delete(own[2]))
    top["spec"]["revisionHistoryLimit"] = 0
    assert len(history.truncated(top, own, [own[5]], [])) == 5


def test_a_taken_name_is_a_collision_unless_it_is_the_same_revision() -> None:
    world = stateful_world()
    top = world.create(stateful_set())
    world.settle()
    mine = world.all("ControllerRevision")[0]
    assert revisions.is_the_one(top, mine)
    foreign = objects.with_metadata(mine, ownerReferences=[{**mine["metadata"]["ownerReferences"][0], "uid": "another"}])
    assert not revisions.is_the_one(top, foreign)
    assert not revisions.is_the_one(top, {**mine, "data": revisions.data_of(template("other"))})
    assert revisions.is_the_one(top, objects.with_metadata(mine, ownerReferences=None))


def test_a_collision_is_counted_and_another_name_found() -> None:
    world = stateful_world()
    top = owner()
    taken = revisions.new_revision(top, 1, history.HASH_LABEL)
    world.create({**taken, "data": revisions.data_of(template("other")), "metadata": {**taken["metadata"], "ownerReferences": []}})
    world.create(stateful_set())
    world.settle()
    status = world.get("StatefulSet", "web")["status"]
    assert status["collisionCount"] == 1
    assert status["updateRevision"] != objects.name(taken)
    assert len(world.pods()) == 1


def daemon_revision(number: int, image: str, name: str = "") -> Obj:
    made = revisions.new_revision(objects.with_metadata(daemon_set(image=image), uid="d", namespace="default"), number, revisions.POD_LABEL)
    return objects.with_metadata(made, name=name or objects.name(made))


def test_daemon_revisions_of_one_template_become_one() -> None:
    top = objects.with_metadata(daemon_set(), uid="d", namespace="default")
    one, two = daemon_revision(1, "agent:1", "agent-b"), daemon_revision(3, "agent:1", "agent-a")
    two = objects.with_metadata(two, labels={**objects.labels(two), revisions.POD_LABEL: "a"})
    pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": n, "labels": {revisions.POD_LABEL: n}}} for n in ("a", "b")]
    plan = daemon_history.plan_history(top, [one, two], pods).plan
    relabel = Patch(pods[1], {"metadata": {"labels": {revisions.POD_LABEL: "a"}}}, "application/merge-patch+json")
    assert plan.actions == (relabel, Delete(one))


def test_a_daemon_revision_without_its_label_gets_its_name() -> None:
    bare = objects.with_metadata(daemon_revision(1, "agent:1"), labels={"app": "agent"})
    action = daemon_history.plan_history(daemon_set(), [bare], []).plan.actions[0]
    assert isinstance(action, Update)
    assert daemon_history.code_of(action.obj) == objects.name(bare)


def test_an_old_daemon_template_makes_its_revision_the_newest() -> None:
    top = objects.with_metadata(daemon_set(), uid="d", namespace="default")
    own = [daemon_revision(1, "agent:1"), daemon_revision(2, "agent:2")]
    assert daemon_history.plan_history(top, own, []).plan.actions == (Update({**own[0], "revision": 3}),)
    settled = daemon_history.plan_history(top, [own[1], {**own[0], "revision": 3}], [])
    assert (settled.plan.actions, settled.old) == ((), (own[1],))


def test_daemon_history_counts_what_is_in_use() -> None:
    top = daemon_set(revisionHistoryLimit=1)
    old = [daemon_revision(n, f"agent:{n}") for n in (1, 2, 3)]
    pod = {"metadata": {"name": "p", "labels": {revisions.POD_LABEL: daemon_history.code_of(old[0])}}}
    assert daemon_history.truncated(top, old, [pod]) == (Delete(old[1]), Delete(old[2]))
    assert daemon_history.truncated(top, old, []) == (Delete(old[0]), Delete(old[1]))
