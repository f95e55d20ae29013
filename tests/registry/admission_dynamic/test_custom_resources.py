"""Policies about custom resources, and with custom parameters."""

from __future__ import annotations

from typing import Any

from tests.registry.admission_dynamic.dynamic_world import GROUP, World, apply_configuration, config_map, run
from wherry.api.options import ADMIN, DEFAULT_WRITE, MERGE_PATCH, Target

V1, V2 = ({"apiVersion": f"example.com/{version}", "kind": "Limit"} for version in ("v1", "v2"))


def definition() -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"max": {"type": "integer"}, "note": {"type": "string"}}}},
    }
    versions = [{"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}} for name in ("v1", "v2")]
    return {
        "metadata": {"name": "limits.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "versions": versions,
            "names": {"plural": "limits", "singular": "limit", "kind": "Limit", "listKind": "LimitList"},
        },
    }  # fmt: skip


async def defined(world: World) -> None:
    await world.create("customresourcedefinitions.apiextensions.k8s.io", definition())
    accepted = {
        "conditions": [
            {"type": kind, "status": "True", "reason": "r", "message": "m", "lastTransitionTime": "2024-01-01T00:00:00Z"}
            for kind in ("NamesAccepted", "Established")
        ],
        "acceptedNames": definition()["spec"]["names"],
        "storedVersions": ["v1"],
    }
    target = world.target("customresourcedefinitions.apiextensions.k8s.io", "limits.example.com")
    await world.registry.patch(Target(target.resource, "", target.name, "status"), MERGE_PATCH, {"status": accepted}, DEFAULT_WRITE, ADMIN)


def test_a_custom_object_is_judged_and_changed_in_the_version_of_the_rule() -> None:
    async def test(world: World) -> None:
        await defined(world)
        rule = {"operations": ["CREATE"], "apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["limits"]}
        await world.mutations([apply_configuration("Object{spec: Object.spec{note: object.apiVersion}}")], rule=rule)
        await world.policy([{"expression": "object.spec.max < 5"}], matchConstraints={"resourceRules": [rule]})
        made = await world.create("limits.example.com/v2", {**V2, "metadata": {"name": "a"}, "spec": {"max": 1}})
        assert (made["apiVersion"], made["spec"]) == ("example.com/v2", {"max": 1, "note": "example.com/v1"})
        status = await world.refused("limits.example.com/v2", {**V2, "metadata": {"name": "b"}, "spec": {"max": 7}})
        assert status["message"].endswith("failed expression: object.spec.max < 5")

    run(test)


def test_custom_objects_are_parameters() -> None:
    async def test(world: World) -> None:
        await defined(world)
        await world.create("limits.example.com", {**V1, "metadata": {"name": "small"}, "spec": {"max": 1}})
        await world.policy(
            [{"expression": "object.data.size() <= params.spec.max", "messageExpression": "'at most ' + string(params.spec.max)"}],
            paramKind={"apiVersion": "example.com/v1", "kind": "Limit"},
            binding={"paramRef": {"name": "small", "parameterNotFoundAction": "Deny"}},
        )
        status = await world.refused("configmaps", config_map(a="1", b="2"))
        assert status["message"].endswith("denied request: at most 1")
        await world.delete(f"validatingadmissionpolicies.{GROUP}", "p")
        await world.create("configmaps", config_map(a="1", b="2"))

    run(test)
