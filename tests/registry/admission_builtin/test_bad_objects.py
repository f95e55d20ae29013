"""Objects that make no sense are refused, or taken, but never break a plug-in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from tests.registry.admission_builtin.registry_world import SPACE, World, pod, run
from wherry.api.errors import StatusError
from wherry.api.legacy_resources import LEGACY, legacy_table
from wherry.api.options import ADMIN, DEFAULT_WRITE, DeleteOptions

Body = dict[str, Any]
CONTAINER = {"name": "c", "resources": None, "securityContext": {}, "ports": [{}]}
BODIES: list[Body] = [
    {},
    {"spec": None},
    {"spec": {"template": None, "containers": None}},
    {"spec": {"template": {"metadata": None, "spec": None}, "strategy": {"rollingUpdate": None}, "updateStrategy": {"type": "X"}}},
    {"spec": {"containers": [{}], "rollbackTo": {}}},
    {"spec": {"containers": [CONTAINER], "securityContext": {"sysctls": [{}]}, "volumes": [{}], "tolerations": [{}], "affinity": {}}},
    {"spec": {"limits": [{}], "hard": {"x": "1"}, "scopeSelector": {"matchExpressions": [{}]}, "devices": {"requests": [{}]}}},
    {"overhead": {}, "handler": "", "globalDefault": True, "template": {}, "metadata": {"labels": None, "finalizers": None}},
]
KINDS = [
    "pods", "services", "persistentvolumeclaims", "deployments.apps", "daemonsets.apps", "cronjobs.batch", "podtemplates",
    "replicationcontrollers", "nodes", "ingresses.networking.k8s.io", "runtimeclasses.node.k8s.io", "resourcequotas", "limitranges",
    "priorityclasses.scheduling.k8s.io", "resourceclaims.resource.k8s.io", *(f"{row.plural}.{row.api_version}" for row in LEGACY),
]  # fmt: skip


async def _strict(world: World) -> None:
    """A namespace in which every plug-in has something to do."""
    limits = [{"type": "Container", "default": {"cpu": "1"}, "maxLimitRequestRatio": {"memory": "2"}}, {"type": "Pod", "max": {"cpu": "2"}}]
    await world.create("limitranges", {"metadata": {"name": "l"}, "spec": {"limits": limits}})
    await world.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "9"}}})
    hard = {"pods": "9", "services": "9", "persistentvolumeclaims": "9", "cpu": "9", "count/deployments.apps": "9"}
    await world.patch("resourcequotas", "q", {"status": {"hard": hard, "used": dict.fromkeys(hard, "0")}}, "status")
    await world.patch("namespaces", SPACE, {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}})


@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_is_answered(kind: str) -> None:
    async def test(world: World) -> None:
        await _strict(world)
        for body in BODIES:
            meta = {"name": "z", **body.get("metadata", {})}
            with suppress(StatusError):
                await world.create(kind, {**body, "metadata": meta})
            with suppress(StatusError):
                await world.registry.update(world.target(kind, "z"), {**body, "metadata": meta}, DEFAULT_WRITE, ADMIN)
            with suppress(StatusError):
                await world.patch(kind, "z", body)
            with suppress(StatusError):
                await world.registry.delete(world.target(kind, "z"), DeleteOptions(0), ADMIN)

    run(test, legacy_table())


@pytest.mark.parametrize("subresource", ["resize", "ephemeralcontainers", "status", "binding", "eviction"])
def test_nonsense_for_a_pod_is_answered(subresource: str) -> None:
    async def test(world: World) -> None:
        await world.create("pods", pod("z"))
        for body in [*BODIES, {"spec": {"ephemeralContainers": [{}]}}, {"spec": {"initContainers": [{}]}}, {"target": {}}]:
            with suppress(StatusError):
                await world.patch("pods", "z", body, subresource)
            with suppress(StatusError):
                await world.create("pods", body, "z", subresource)

    run(test)


@pytest.mark.parametrize("subresource", ["rollback", "scale", "status"])
def test_nonsense_for_a_deployment_of_the_past_is_answered(subresource: str) -> None:
    kind = "deployments.extensions/v1beta1"

    async def test(world: World) -> None:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
        await world.create(kind, {"metadata": {"name": "z"}, "spec": {"template": template}})
        for body in [*BODIES, {"name": "z", "rollbackTo": None, "updatedAnnotations": None}, {"spec": {"replicas": None}}]:
            with suppress(StatusError):
                await world.create(kind, body, "z", subresource)
            with suppress(StatusError):
                await world.patch(kind, "z", body, subresource)

    run(test, legacy_table())
