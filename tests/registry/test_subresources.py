"""Subresources: what each shows, and what a write of one does."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.registry.world import ADMIN, CONFIG_MAPS, PODS, World, in_world, template_pod
from wherry.api.errors import BadRequest, Conflict, StatusError
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, MERGE_PATCH, STRATEGIC_PATCH, Target, WriteOptions
from wherry.api.resources import BUILT_IN, CONNECT_KINDS, Resource, resource
from wherry.registry.admission.chain import Chain
from wherry.registry.registry import Registry
from wherry.registry.request import Operation, Request
from wherry.registry.subresources.table import view_of

DEPLOYMENTS = resource("deployments", "apps")
SCALE = Target(DEPLOYMENTS, "default", "d", "scale")
OPTIONS = WriteOptions(field_manager="me")
#: a connection, or read by the server itself
_NOT_VIEWS = {*CONNECT_KINDS, "proxy", "log"}


async def deployment(world: World) -> Obj:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return await world.client.create(DEPLOYMENTS, "default", {"metadata": {"name": "d"}, "spec": spec})


def scale(**metadata: Any) -> Obj:
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "d", **metadata}, "spec": {"replicas": 5}}


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda row: f"{row.plural}.{row.group}")
def test_every_subresource_that_is_listed_has_a_view(row: Any) -> None:
    for subresource in {*row.subresources} - _NOT_VIEWS:
        assert view_of(Target(row, "default", "x", subresource))


def test_what_is_no_subresource_is_refused_by_name() -> None:
    with pytest.raises(StatusError, match="wherry does not serve pods/nothing yet"):
        view_of(Target(resource("pods"), "default", "x", "nothing"))


@pytest.mark.parametrize("kind", [MERGE_PATCH, APPLY_PATCH])
def test_a_scale_of_another_uid_conflicts_with_the_scale(kind: str) -> None:
    async def play(world: World) -> None:
        made = await deployment(world)
        with pytest.raises(Conflict) as caught:
            await world.registry.patch(SCALE, kind, scale(uid="x"), WriteOptions(field_manager="me", force=True), ADMIN)
        why = f"Precondition failed: UID in precondition: x, UID in object meta: {made['metadata']['uid']}"
        assert caught.value.message == f'Operation cannot be fulfilled on deployments/scale.apps "d": {why}'

    in_world(play)


def test_a_replaced_scale_of_another_uid_conflicts_in_storage() -> None:
    async def play(world: World) -> None:
        await deployment(world)
        with pytest.raises(Conflict, match=r'on deployments\.apps "d": StorageError: invalid object, Code: 4'):
            await world.registry.update(SCALE, scale(uid="x"), OPTIONS, ADMIN)

    in_world(play)


def test_the_conflict_of_an_applied_scale_names_the_scales_version() -> None:
    async def play(world: World) -> None:
        await deployment(world)
        await world.registry.patch(SCALE, MERGE_PATCH, {"spec": {"replicas": 3}}, WriteOptions(field_manager="x"), ADMIN)
        with pytest.raises(Conflict) as caught:
            await world.registry.patch(SCALE, APPLY_PATCH, scale(), OPTIONS, ADMIN)
        why = 'conflict with "x" with subresource "scale" using autoscaling/v1'
        assert caught.value.message == f"Apply failed with 1 conflict: {why}: .spec.replicas"

    in_world(play)


def test_a_strategic_patch_may_say_any_kind() -> None:
    async def play(world: World) -> None:
        await deployment(world)
        body = {"kind": "Deployment", "apiVersion": "v7", "metadata": {"name": "d"}, "spec": {"replicas": 0}}
        scaled = await world.registry.patch(SCALE, STRATEGIC_PATCH, body, OPTIONS, ADMIN)
        assert (scaled.record.object()["kind"], scaled.record.object()["spec"]) == ("Scale", {})
        await world.config_map("c")
        label = {"kind": "Secret", "apiVersion": "v7", "metadata": {"labels": {"x": "1"}}}
        patched = await world.registry.patch(Target(CONFIG_MAPS, "default", "c"), STRATEGIC_PATCH, label, OPTIONS, ADMIN)
        shown = patched.record.object()
        assert (shown["kind"], shown["apiVersion"], shown["metadata"]["labels"]) == ("ConfigMap", "v1", {"x": "1"})
        with pytest.raises(StatusError):
            await world.registry.patch(Target(CONFIG_MAPS, "default", "c"), MERGE_PATCH, label, OPTIONS, ADMIN)

    in_world(play)


def test_a_token_is_asked_for_in_the_namespace_of_its_account() -> None:
    async def play(world: World) -> None:
        target = Target(resource("serviceaccounts"), "default", "default", "token")
        with pytest.raises(BadRequest, match="the namespace of the provided object does not match the namespace sent on the request"):
            await world.registry.create(target, {"metadata": {"namespace": "other"}, "spec": {"audiences": []}}, OPTIONS, ADMIN)

    in_world(play)


def test_what_is_only_posted_is_neither_read_nor_replaced() -> None:
    async def play(world: World) -> None:
        target = Target(resource("pods"), "default", "p", "eviction")
        with pytest.raises(StatusError, match="wherry does not serve pods/eviction yet"):
            await world.registry.get(target)
        with pytest.raises(StatusError, match="wherry does not serve pods/eviction yet"):
            await world.registry.update(target, {}, OPTIONS, ADMIN)

    in_world(play)


class Watchful:
    """A plug-in that notes what it is asked about."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return True

    async def validate(self, request: Request) -> None:
        self.asked.append((request.operation, request.resource.plural, request.subresource))


def test_an_eviction_is_asked_about_and_the_delete_it_makes_is_not() -> None:
    async def play(world: World) -> None:
        plugin = Watchful()
        registry = Registry(world.store, lambda: world.now, random.Random(1), admission=Chain([plugin]))
        pod = template_pod("p")
        await world.client.create(PODS, "default", {**pod, "spec": {**pod["spec"], "nodeName": "n"}})
        eviction = {"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}}
        await registry.create(Target(PODS, "default", "p", "eviction"), eviction, OPTIONS, ADMIN)
        assert plugin.asked == [("CREATE", "pods", "eviction")]
        going = await world.client.get(PODS, "default", "p")
        assert going["metadata"]["deletionTimestamp"]
        assert [c["reason"] for c in going["status"]["conditions"]] == ["EvictionByEvictionAPI"]

    in_world(play)
