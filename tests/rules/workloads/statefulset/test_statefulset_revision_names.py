"""The names of a StatefulSet's revisions are the reference's own: recorded from Kubernetes v1.36.2."""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.schema.defaults.workloads import default_stateful_set
from wherry.rules.workloads import revisions


def stateful_set(**status: int) -> Obj:
    containers = [{"name": "c", "image": "i"}]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
    made: Obj = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "f", "namespace": "n", "uid": "u"}}
    made |= {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}, "status": status}
    default_stateful_set(made)
    return made


def test_a_revision_has_the_name_that_the_reference_gives() -> None:
    made = revisions.new_revision(stateful_set(), 1, "controller.kubernetes.io/hash")
    assert made["metadata"]["name"] == "f-784947b667"
    assert made["metadata"]["labels"]["controller.kubernetes.io/hash"] == "784947b667"


def test_a_collision_gives_another_name() -> None:
    assert revisions.present_hash(stateful_set(collisionCount=1)) != "784947b667"


def test_a_daemon_set_of_the_same_name_and_template_has_another_name() -> None:
    daemon_set = {**stateful_set(), "kind": "DaemonSet"}
    assert revisions.present_hash(daemon_set) != "784947b667"
