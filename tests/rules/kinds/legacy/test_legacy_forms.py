"""The workloads of the past: their defaults, their forms, their Scales, and what their writes may do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.admission_builtin.registry_world import World, run
from wherry.api.errors import BadRequest, Invalid, NotFound
from wherry.api.legacy_resources import LEGACY, legacy_table
from wherry.api.options import ADMIN, DeleteOptions, ListOptions
from wherry.api.schema import definition

Obj = dict[str, Any]
TEMPLATE: Obj = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
UNLIMITED = 2**31 - 1
EXTENSIONS, BETA1, BETA2 = "extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"


def _of(kind: str, api_version: str) -> str:
    return f"{kind}.{api_version}"


async def _made(world: World, kind: str, api_version: str, **spec: Any) -> Obj:
    return await world.create(_of(kind, api_version), {"metadata": {"name": "x"}, "spec": {"template": TEMPLATE, **spec}})


def test_extensions_deployments_roll_one_pod_and_keep_all_history() -> None:
    async def test(world: World) -> None:
        made = await _made(world, "deployments", EXTENSIONS)
        spec = made["spec"]
        assert made["apiVersion"] == EXTENSIONS
        assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}
        assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (UNLIMITED, UNLIMITED)
        assert (spec["selector"], made["metadata"]["labels"]) == ({"matchLabels": {"app": "x"}}, {"app": "x"})
        stored = await world.get("deployments.apps", "x")
        assert stored["apiVersion"] == "apps/v1"
        assert stored["spec"]["strategy"] == spec["strategy"]

    run(test, legacy_table())


def test_apps_beta1_deployments_keep_two_revisions() -> None:
    async def test(world: World) -> None:
        spec = (await _made(world, "deployments", BETA1))["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": "25%", "maxSurge": "25%"}
        assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (2, 600)

    run(test, legacy_table())


def test_apps_beta2_is_apps_v1_in_all_but_name() -> None:
    async def test(world: World) -> None:
        with pytest.raises(Invalid, match=r"spec\.selector: Required value"):
            await _made(world, "deployments", BETA2)
        spec = (await _made(world, "deployments", BETA2, selector={"matchLabels": {"app": "x"}}))["spec"]
        assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
        with pytest.raises(Invalid, match="field is immutable"):
            await world.patch(_of("deployments", BETA2), "x", _relabelled("y"))

    run(test, legacy_table())


def _relabelled(label: str) -> Obj:
    labels = {"app": label}
    return {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}}


@pytest.mark.parametrize("api_version", [EXTENSIONS, BETA1])
def test_the_beta1_versions_let_a_selector_change(api_version: str) -> None:
    async def test(world: World) -> None:
        await _made(world, "deployments", api_version)
        changed = await world.patch(_of("deployments", api_version), "x", _relabelled("y"))
        assert changed["spec"]["selector"] == {"matchLabels": {"app": "y"}}

    run(test, legacy_table())


@pytest.mark.parametrize(("kind", "api_version"), [("daemonsets", EXTENSIONS), ("statefulsets", BETA1)])
def test_old_daemon_and_stateful_sets_wait_for_deletions(kind: str, api_version: str) -> None:
    async def test(world: World) -> None:
        made = await _made(world, kind, api_version)
        assert made["spec"]["updateStrategy"]["type"] == "OnDelete"
        newer = await world.get(_of(kind, BETA2), "x")
        assert newer["spec"]["updateStrategy"]["type"] == "OnDelete"

    run(test, legacy_table())


def test_the_template_generation_is_a_field_of_extensions_daemon_sets() -> None:
    async def test(world: World) -> None:
        made = await _made(world, "daemonsets", EXTENSIONS)
        assert (made["spec"]["templateGeneration"], made["metadata"].get("annotations")) == (1, None)
        image = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "j"}]}}}}
        assert (await world.patch(_of("daemonsets", EXTENSIONS), "x", image))["spec"]["templateGeneration"] == 2
        stored = await world.get("daemonsets.apps", "x")
        assert stored["metadata"]["annotations"] == {"deprecated.daemonset.template.generation": "2"}
        assert "templateGeneration" not in stored["spec"]

    run(test, legacy_table())


def test_rollback_to_travels_in_an_annotation() -> None:
    async def test(world: World) -> None:
        await _made(world, "deployments", EXTENSIONS, rollbackTo={"revision": 3})
        assert (await world.get(_of("deployments", BETA1), "x"))["spec"]["rollbackTo"] == {"revision": 3}
        newer = await world.get(_of("deployments", BETA2), "x")
        assert newer["metadata"]["annotations"] == {"deprecated.deployment.rollback.to": "3"}
        assert "rollbackTo" not in newer["spec"]

    run(test, legacy_table())


def test_an_old_scale_has_its_selector_as_a_map_and_as_text() -> None:
    async def test(world: World) -> None:
        await _made(world, "replicasets", EXTENSIONS, replicas=2)
        scale = await world.get(_of("replicasets", EXTENSIONS), "x", "scale")
        assert (scale["apiVersion"], scale["spec"]) == (EXTENSIONS, {"replicas": 2})
        assert scale["status"] == {"replicas": 0, "selector": {"app": "x"}, "targetSelector": "app=x"}
        await world.patch(_of("replicasets", EXTENSIONS), "x", {"spec": {"replicas": 5}}, "scale")
        assert (await world.get("replicasets.apps", "x"))["spec"]["replicas"] == 5

    run(test, legacy_table())


def test_what_an_old_version_deletes_leaves_its_dependents() -> None:
    async def test(world: World) -> None:
        await _made(world, "deployments", EXTENSIONS)
        deleted = await world.registry.delete(world.target(_of("deployments", EXTENSIONS), "x"), DeleteOptions(), ADMIN)
        assert deleted.record.object()["metadata"]["finalizers"] == ["orphan"]

    run(test, legacy_table())


@pytest.mark.parametrize("api_version", [EXTENSIONS, BETA1])
def test_a_rollback_is_asked_for_and_answered_with_success(api_version: str) -> None:
    async def test(world: World) -> None:
        kind = _of("deployments", api_version)
        await _made(world, "deployments", api_version)
        body = {"name": "x", "rollbackTo": {"revision": 0}, "updatedAnnotations": {"why": "because"}}
        answer = await world.create(kind, body, "x", "rollback")
        assert (answer["kind"], answer["status"], answer["code"]) == ("Status", "Success", 200)
        assert answer["message"] == 'rollback request for deployment "x" succeeded'
        notes = (await world.get("deployments.apps", "x"))["metadata"]["annotations"]
        assert notes == {"why": "because", "deprecated.deployment.rollback.to": "0"}

    run(test, legacy_table())


@pytest.mark.parametrize(
    ("body", "error", "why"),
    [
        ({"name": "y"}, BadRequest, "name in URL does not match name in DeploymentRollback object"),
        ({}, Invalid, 'DeploymentRollback.apps "" is invalid: name: Required value: name is required'),
        ({"name": "x", "rollbackTo": {"revision": -1}}, Invalid, "rollback.version: Invalid value: -1"),
    ],
)
def test_a_rollback_must_make_sense(body: Obj, error: type[Exception], why: str) -> None:
    async def test(world: World) -> None:
        await _made(world, "deployments", BETA1)
        with pytest.raises(error, match=why):
            await world.create(_of("deployments", BETA1), body, "x", "rollback")

    run(test, legacy_table())


def test_a_rollback_of_nothing_is_not_found() -> None:
    async def test(world: World) -> None:
        with pytest.raises(NotFound):
            await world.create(_of("deployments", BETA1), {"name": "x"}, "x", "rollback")

    run(test, legacy_table())


def test_every_old_kind_has_a_schema_of_its_own_version() -> None:
    for row in LEGACY:
        node = definition(row.schema)
        assert node.go_type == f"{row.version}.{row.kind}"
        assert node.properties["spec"].go_type == f"{row.version}.{row.kind}Spec"


def test_managers_own_fields_in_the_version_they_spoke() -> None:
    async def test(world: World) -> None:
        made = await _made(world, "deployments", EXTENSIONS)
        assert [entry["apiVersion"] for entry in made["metadata"]["managedFields"]] == [EXTENSIONS]
        listed = await world.registry.list(world.target(_of("deployments", EXTENSIONS)), ListOptions())
        assert [r.object()["apiVersion"] for r in listed.records] == [EXTENSIONS]

    run(test, legacy_table())
