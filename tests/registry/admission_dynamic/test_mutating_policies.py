"""MutatingAdmissionPolicies change what is created and updated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.admission_dynamic.dynamic_world import GROUP, World, apply_configuration, config_map, json_patch, run
from wherry.api.errors import StatusError
from wherry.api.options import ADMIN, DEFAULT_WRITE, MERGE_PATCH, Target, User

PODS = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
SIDECAR = """
Object{spec: Object.spec{
  initContainers: object.spec.?initContainers.orValue([]).exists(c, c.name == 'mesh') ? [] : [
    Object.spec.initContainers{name: 'mesh', image: 'mesh:1', restartPolicy: 'Always'}]}}
"""


def pod(name: str = "p") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def test_an_apply_configuration_is_merged_in_and_defaulted() -> None:
    async def test(world: World) -> None:
        await world.mutations([apply_configuration(SIDECAR)], rule=PODS)
        spec = (await world.create("pods", pod()))["spec"]
        (mesh,) = spec["initContainers"]
        assert (mesh["name"], mesh["restartPolicy"], mesh["imagePullPolicy"]) == ("mesh", "Always", "IfNotPresent")
        assert [c["name"] for c in spec["containers"]] == ["c"]

    run(test)


def test_a_json_patch_is_applied() -> None:
    async def test(world: World) -> None:
        text = """[
            JSONPatch{op: 'test', path: '/data/a', value: '1'},
            JSONPatch{op: 'add', path: '/metadata/labels', value: {'n': string(object.data.size())}},
            JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('x/y'), value: 'z'},
            JSONPatch{op: 'remove', path: '/data/a'}]"""
        await world.mutations([json_patch(text)])
        made = await world.create("configmaps", config_map("c", a="1", b="2"))
        assert (made["metadata"]["labels"], made["data"]) == ({"n": "2", "x/y": "z"}, {"b": "2"})
        assert "labels" not in (await world.create("configmaps", config_map("d", a="3")))["metadata"]

    run(test)


def test_mutations_see_what_those_before_made() -> None:
    async def test(world: World) -> None:
        texts = ("Object{data: {'n': '1'}}", "Object{data: {'m': object.data.n + '!'}}")
        await world.mutations([apply_configuration(text) for text in texts])
        assert (await world.create("configmaps", config_map()))["data"] == {"n": "1", "m": "1!"}

    run(test)


def test_updates_are_changed_too() -> None:
    async def test(world: World) -> None:
        await world.mutations([apply_configuration("Object{metadata: Object.metadata{labels: {'by': request.userInfo.username}}}")])
        await world.create("configmaps", config_map())
        target = world.target("configmaps", "c")
        written = await world.registry.update(target, config_map(a="2"), DEFAULT_WRITE, User("somebody"))
        assert written.record.object()["metadata"]["labels"] == {"by": "somebody"}

    run(test)


@pytest.mark.parametrize(
    ("mutation", "text"),
    [
        (json_patch("[JSONPatch{op: 'remove', path: '/data/none'}]"), "JSON Patch: remove operation does not apply"),
        (apply_configuration("Object{data: {'a': object.data.none}}"), "resulted in error: no such key: none"),
    ],
)
def test_what_cannot_be_applied_is_refused(mutation: dict[str, Any], text: str) -> None:
    async def test(world: World) -> None:
        await world.mutations([mutation])
        status = await world.refused("configmaps", config_map(a="1"))
        assert status["message"].startswith("policy 'm' with binding 'm' denied request: ")
        assert text in status["message"]
        assert status["reason"] == "Invalid"

    run(test)


def test_atomic_lists_may_not_be_replaced() -> None:
    async def test(world: World) -> None:
        text = "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'c', command: ['x']}]}}"
        await world.mutations([apply_configuration(text)], rule=PODS)
        status = await world.refused("pods", pod())
        assert "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers[0].command" in status["message"]

    run(test)


def test_failures_can_be_ignored() -> None:
    async def test(world: World) -> None:
        await world.mutations([apply_configuration("Object{data: {'a': object.data.none}}")], failurePolicy="Ignore")
        assert (await world.create("configmaps", config_map(a="1")))["data"] == {"a": "1"}

    run(test)


def test_match_conditions_and_parameters() -> None:
    async def test(world: World) -> None:
        await world.mutations(
            [apply_configuration("Object{metadata: Object.metadata{labels: {'team': params.data.team}}}")],
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
            matchConditions=[{"name": "not-settings", "expression": "object.metadata.name != 'settings'"}],
        )
        await world.delete(f"mutatingadmissionpolicybindings.{GROUP}", "m")
        await world.create("configmaps", config_map("settings", team="red"))
        spec = {"policyName": "m", "paramRef": {"name": "settings", "parameterNotFoundAction": "Deny"}}
        await world.create(f"mutatingadmissionpolicybindings.{GROUP}", {"metadata": {"name": "m"}, "spec": spec})
        assert (await world.create("configmaps", config_map()))["metadata"]["labels"] == {"team": "red"}
        await world.delete("configmaps", "settings")
        with pytest.raises(StatusError, match="no params found"):
            await world.create("configmaps", config_map("late"))

    run(test)


def test_a_policy_is_asked_again_when_a_later_one_changed_the_object() -> None:
    async def test(world: World) -> None:
        count = apply_configuration("Object{data: {'count': string(object.data.size())}}")
        await world.mutations([count], name="a-count", reinvocationPolicy="IfNeeded")
        await world.mutations([apply_configuration("Object{data: {'late': 'x'}}")], name="b-add")
        made = await world.create("configmaps", config_map(a="1"))
        assert made["data"] == {"a": "1", "count": "3", "late": "x"}

    run(test)


def test_pods_of_one_template_are_each_changed() -> None:
    """The registry makes pods of one template alike; a policy must see every one of them."""

    async def test(world: World) -> None:
        from wherry.api.options import WriteOptions

        trusted = WriteOptions(field_manager="kube-controller-manager", trusted=True)
        body = {"kind": "Pod", "apiVersion": "v1", "spec": (await world.create("pods", pod("first")))["spec"]}
        for name in ("one", "two"):
            await world.registry.create(world.target("pods"), {**body, "metadata": {"name": name, "namespace": "a"}}, trusted, ADMIN)
        label = "Object{metadata: Object.metadata{labels: {'self': object.metadata.name}}}"
        await world.mutations([apply_configuration(label)], rule=PODS)
        last = await world.registry.create(world.target("pods"), {**body, "metadata": {"name": "three", "namespace": "a"}}, trusted, ADMIN)
        assert last.record.object()["metadata"]["labels"] == {"self": "three"}

    run(test)


def test_scales_are_seen_and_changed_as_scales() -> None:
    async def test(world: World) -> None:
        rule = {"operations": ["UPDATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments/scale"]}
        text = "object.kind == 'Scale' && object.spec.replicas > 3 ? Object{spec: Object.spec{replicas: 3}} : Object{}"
        await world.mutations([apply_configuration(text)], rule=rule)
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        await world.create(
            "deployments.apps", {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
        )
        target = world.target("deployments.apps", "web")
        scaled = await world.registry.patch(
            Target(target.resource, target.namespace, "web", "scale"), MERGE_PATCH, {"spec": {"replicas": 9}}, DEFAULT_WRITE, ADMIN
        )
        assert scaled.record.object()["spec"]["replicas"] == 3
        assert (await world.get("deployments.apps", "web"))["spec"]["replicas"] == 3

    run(test)
