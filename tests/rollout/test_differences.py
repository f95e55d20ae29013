"""What differs between two templates, as paths."""

from __future__ import annotations

from tests.rollout.workloads import template
from wherry.rollout.differences import Difference, of_templates
from wherry.rollout.origins import origin
from wherry.rollout.revisions import Revision


def test_an_image_is_named_by_its_container() -> None:
    assert of_templates(template("nginx:1"), template("nginx:2")) == [Difference("spec.containers[c].image", "nginx:1", "nginx:2")]


def test_the_hash_of_a_replica_set_is_no_difference() -> None:
    assert of_templates(template(**{"pod-template-hash": "x"}), template(**{"pod-template-hash": "y"})) == []


def test_what_came_and_went_is_shown_value_by_value() -> None:
    old, new = template(), template(tier="web")
    new["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    old["spec"]["nodeSelector"] = {"example.com/disk": "ssd"}
    assert of_templates(old, new) == [
        Difference("metadata.labels.tier", None, "web", added=True),
        Difference("spec.containers[c].env[A].value", None, "1", added=True),
        Difference('spec.nodeSelector["example.com/disk"]', "ssd", None, removed=True)]


def test_a_container_that_only_moved_is_no_difference() -> None:
    one, other = template(), template()
    one["spec"]["containers"] = [{"name": "a"}, {"name": "b"}]
    other["spec"]["containers"] = [{"name": "b"}, {"name": "a"}]
    assert of_templates(one, other) == []


def test_lists_of_single_values_are_compared_as_wholes() -> None:
    one, other = template(), template()
    one["spec"]["containers"][0]["args"], other["spec"]["containers"][0]["args"] = ["a"], ["a", "b"]
    assert of_templates(one, other) == [Difference("spec.containers[c].args", ["a"], ["a", "b"])]


def test_who_wrote_the_template_is_told_while_managed_fields_know() -> None:
    def entry(manager: str, time: str, **fields: object) -> dict[str, object]:
        return {"manager": manager, "time": time, "fieldsV1": {"f:spec": fields}}

    entries = [entry("ci", "2026-01-01T00:00:00Z", **{"f:template": {}}),
               entry("kubectl-set", "2026-01-01T00:05:00Z", **{"f:template": {}}),
               entry("kubectl-scale", "2026-01-01T00:05:00Z", **{"f:replicas": {}})]
    web = {"spec": {"template": template("nginx:3")}, "metadata": {"managedFields": entries}}

    def revision(created: str, image: str = "nginx:2") -> Revision:
        return Revision(1, "", template(image), {"metadata": {"creationTimestamp": created}})

    minute, five = 1767225660.0, 1767225900.0
    assert origin(web, revision("2026-01-01T00:05:01Z")) == ("kubectl-set", five + 1)
    assert origin(web, revision("2026-01-01T00:01:00Z")) == ("", minute)
    assert origin(web, revision("2026-01-01T00:04:59Z")).who == ""
    assert origin(web, revision("2026-01-01T00:00:00Z", "nginx:3")) == ("kubectl-set", five)
