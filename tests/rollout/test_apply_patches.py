"""The patch from one object to another, and the three-way patch of an apply: applying them gives what was wanted."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.api.options import MERGE_PATCH, STRATEGIC_PATCH
from wherry.api.schema import definition
from wherry.rules.writing.patch import apply
from wherry.rules.writing.patch.difference import difference
from wherry.rules.writing.patch.three_way import json_merge, strategic

NODE = definition("io.k8s.api.apps.v1.Deployment")


def web(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}, **spec}}


def c(name: str, image: str = "i", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": image, **more}


def test_nothing_changed_nothing_sent() -> None:
    assert difference(web(c("a")), web(c("a")), NODE) == {}


def test_one_image_is_one_small_patch() -> None:
    assert difference(web(c("a"), c("b")), web(c("a"), c("b", "j")), NODE) == {"spec": {"template": {"spec": {
        "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}], "containers": [{"image": "j", "name": "b"}]}}}}


def test_a_container_that_goes_is_deleted_by_name() -> None:
    patch = difference(web(c("a"), c("b")), web(c("a")), NODE)
    assert patch["spec"]["template"]["spec"]["containers"] == [{"name": "b", "$patch": "delete"}]


def test_a_strategy_keeps_only_its_own_keys() -> None:
    old = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    assert difference(old, {"spec": {"strategy": {"type": "Recreate"}}}, NODE) == {
        "spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": None, "type": "Recreate"}}}


def test_what_others_set_stays_and_what_was_applied_before_goes() -> None:
    applied = web(c("a", env=[{"name": "X", "value": "1"}]), replicas=2, paused=True)
    live = {**web(c("a", env=[{"name": "X", "value": "1"}], terminationMessagePath="/dev/log"), c("sidecar"), replicas=5, paused=True),
            "status": {"replicas": 5}}
    wanted = web(c("a", "j"), replicas=2)
    result = apply(STRATEGIC_PATCH, live, strategic(applied, wanted, live, NODE), NODE)
    spec = result["spec"]
    assert spec["replicas"] == 2
    assert "paused" not in spec
    assert spec["template"]["spec"]["containers"] == [c("a", "j", terminationMessagePath="/dev/log"), c("sidecar")]
    assert result["status"] == {"replicas": 5}


def test_an_unchanged_apply_is_empty() -> None:
    applied = web(c("a"), replicas=2)
    assert strategic(applied, applied, {**web(c("a", tty=True), replicas=2), "status": {}}, NODE) == {}


def test_custom_resources_merge_without_a_schema() -> None:
    patch = json_merge({"spec": {"a": 1, "gone": 2}}, {"spec": {"a": 3, "new": [1], "nothing": None}},
                       {"spec": {"a": 1, "gone": 2, "other": 4}})
    assert apply(MERGE_PATCH, {"spec": {"a": 1, "gone": 2, "other": 4}}, patch, None) == {"spec": {"a": 3, "new": [1], "other": 4}}


NAMES = st.lists(st.sampled_from("abcd"), unique=True, max_size=4)
CONTAINERS = NAMES.flatmap(lambda names: st.tuples(*(st.builds(
    c, st.just(n), st.sampled_from(["i", "j"]),
    env=st.lists(st.sampled_from("XYZ"), unique=True, max_size=3).map(lambda vs: [{"name": v, "value": v} for v in vs]),
    command=st.lists(st.sampled_from(["p", "q"]), max_size=2)) for n in names)))
TEMPLATES = st.builds(
    lambda containers, labels,
    replicas: {"metadata": {"labels": labels, "finalizers": sorted(labels)}, **web(*containers, replicas=replicas)},
    CONTAINERS, st.dictionaries(st.sampled_from("klm"), st.sampled_from("12"), max_size=3), st.integers(0, 3))


@given(TEMPLATES, TEMPLATES)
@settings(max_examples=80, deadline=None)
def test_the_difference_leads_from_one_to_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert apply(STRATEGIC_PATCH, old, difference(old, new, NODE), NODE) == new


@given(TEMPLATES, TEMPLATES)
@settings(max_examples=80, deadline=None)
def test_an_apply_over_an_untouched_object_gives_what_is_wanted(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert apply(STRATEGIC_PATCH, old, strategic(old, new, old, NODE), NODE) == new


@given(TEMPLATES, TEMPLATES, TEMPLATES)
@settings(max_examples=80, deadline=None)
def test_after_an_apply_everything_wanted_is_there(applied: dict[str, Any], wanted: dict[str, Any], live: dict[str, Any]) -> None:
    result = apply(STRATEGIC_PATCH, live, strategic(applied, wanted, live, NODE), NODE)
    assert apply(STRATEGIC_PATCH, result, strategic(wanted, wanted, result, NODE), NODE) == result
