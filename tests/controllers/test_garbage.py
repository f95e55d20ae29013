"""Garbage collection, on a running registry: what goes with its owner, what stays, and who waits for whom."""

from __future__ import annotations

from tests.rules.networking.endpoints.manifests import config_map, manifest
from tests.rules.networking.endpoints.world import World, play
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers.garbage import GarbageCollector
from wherry.reconcile.controller import Controller, Parts


def collector(parts: Parts) -> list[Controller]:
    return [GarbageCollector(parts)]


def refs(obj: Obj | None) -> list[str]:
    assert obj is not None
    return [ref["name"] for ref in obj["metadata"].get("ownerReferences") or ()]


def test_what_is_owned_goes_with_its_owner_level_by_level() -> None:
    async def story(world: World) -> None:
        top = await world.create(config_map("top"))
        middle = await world.create(config_map("middle", owners=[top]))
        leaves = [await world.create(manifest("v1", "Secret", f"leaf-{n}", owners=[middle])) for n in range(30)]
        other = await world.create(config_map("other"))
        await world.delete(top, "Background")
        await world.settle()
        assert [await world.get(each) for each in (middle, *leaves)] == [None] * 31
        assert await world.get(other) == other

    play(collector, story)


def test_an_object_created_after_its_owner_went_goes_too() -> None:
    async def story(world: World) -> None:
        owner = await world.create(config_map("owner"))
        await world.delete(owner)
        late = await world.create(config_map("late", owners=[owner]))
        await world.settle()
        assert await world.get(late) is None

    play(collector, story)


def test_a_namesake_of_the_owner_is_not_the_owner() -> None:
    async def story(world: World) -> None:
        owner = await world.create(config_map("owner"))
        child = await world.create(config_map("child", owners=[owner]))
        await world.delete(owner)
        await world.create(config_map("owner"))
        await world.settle()
        assert await world.get(child) is None

    play(collector, story)


def test_one_solid_owner_keeps_an_object_and_the_lost_reference_goes() -> None:
    async def story(world: World) -> None:
        one, two = await world.create(config_map("one")), await world.create(config_map("two"))
        child = await world.create(config_map("child", owners=[one, two]))
        await world.delete(one)
        await world.settle()
        assert refs(await world.get(child)) == ["two"]
        await world.delete(two)
        await world.settle()
        assert await world.get(child) is None

    play(collector, story)


def test_orphans_lose_the_reference_and_stay() -> None:
    async def story(world: World) -> None:
        owner = await world.create(config_map("owner"))
        children = [await world.create(config_map(f"child-{n}", owners=[owner])) for n in range(3)]
        await world.delete(owner, "Orphan")
        await world.settle()
        assert await world.get(owner) is None
        assert [refs(await world.get(each)) for each in children] == [[], [], []]

    play(collector, story)


def test_a_foreground_deletion_waits_for_dependents_that_block_it() -> None:
    async def story(world: World) -> None:
        owner = await world.create(config_map("owner"))
        held = await world.create(config_map("held", owners=[owner], block=True, finalizers=["example.com/held"]))
        free = await world.create(config_map("free", owners=[owner], finalizers=["example.com/held"]))
        await world.delete(owner, "Foreground")
        await world.settle()
        waiting, going = await world.get(owner), await world.get(held)
        assert waiting is not None
        assert waiting["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert going is not None
        assert going["metadata"]["deletionTimestamp"]
        await world.update({**going, "metadata": {**going["metadata"], "finalizers": []}})
        await world.settle()
        assert [await world.get(owner), await world.get(held)] == [None, None]
        assert (await world.get(free) or {})["metadata"]["deletionTimestamp"]

    play(collector, story)


def test_a_foreground_deletion_goes_down_the_tree_from_the_leaves() -> None:
    async def story(world: World) -> None:
        gone: list[str] = []
        informer = world.informers.of(resource("configmaps"))
        top = await world.create(config_map("top"))
        middle = await world.create(config_map("middle", owners=[top], block=True))
        await world.create(config_map("leaf", owners=[middle], block=True))
        await world.settle()
        informer.add_handler(lambda old, new: gone.append(old["metadata"]["name"]) if new is None and old is not None else None)
        await world.delete(top, "Foreground")
        await world.settle()
        assert gone == ["leaf", "middle", "top"]

    play(collector, story)


def test_a_dependent_that_stops_blocking_lets_its_owner_go() -> None:
    async def story(world: World) -> None:
        owner = await world.create(config_map("owner"))
        held = await world.create(config_map("held", owners=[owner], block=True, finalizers=["example.com/held"]))
        await world.delete(owner, "Foreground")
        await world.settle()
        going = await world.get(held)
        assert going is not None
        unblocked = [{**ref, "blockOwnerDeletion": False} for ref in going["metadata"]["ownerReferences"]]
        await world.update({**going, "metadata": {**going["metadata"], "ownerReferences": unblocked}})
        await world.settle()
        assert await world.get(owner) is None
        assert await world.get(held) is not None

    play(collector, story)


def test_a_dependent_with_another_owner_survives_a_foreground_deletion() -> None:
    async def story(world: World) -> None:
        one, two = await world.create(config_map("one")), await world.create(config_map("two"))
        child = await world.create(config_map("child", owners=[one, two], block=True))
        await world.delete(one, "Foreground")
        await world.settle()
        assert await world.get(one) is None
        assert refs(await world.get(child)) == ["two"]

    play(collector, story)


def test_a_circle_of_foreground_deletions_ends() -> None:
    async def story(world: World) -> None:
        one = await world.create(config_map("one"))
        two = await world.create(config_map("two", owners=[one], block=True))
        await world.update({**one, "metadata": {**one["metadata"], "ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "two", "uid": two["metadata"]["uid"], "blockOwnerDeletion": True}]}})
        await world.settle()
        await world.delete(one, "Foreground")
        await world.settle()
        assert [await world.get(one), await world.get(two)] == [None, None]

    play(collector, story)


def test_an_owner_in_another_namespace_is_no_owner() -> None:
    async def story(world: World) -> None:
        await world.create(manifest("v1", "Namespace", "other"))
        owner = await world.create(config_map("owner"))
        child = await world.create(config_map("child", namespace="other", owners=[owner]))
        await world.settle()
        assert await world.get(child) is None
        told = [e for e in await world.all(resource("events"), "other") if e["reason"] == "OwnerRefInvalidNamespace"]
        uid = owner["metadata"]["uid"]
        assert [e["message"] for e in told] == [
            f'ownerRef [v1/ConfigMap, namespace: other, name: owner, uid: {uid}] does not exist in namespace "other"']

    play(collector, story)


def test_a_cluster_scoped_owner_owns_in_every_namespace() -> None:
    async def story(world: World) -> None:
        owner = await world.create(manifest("rbac.authorization.k8s.io/v1", "ClusterRole", "owner", rules=[]))
        child = await world.create(config_map("child", owners=[owner]))
        await world.settle()
        assert await world.get(child) is not None
        await world.delete(owner)
        await world.settle()
        assert await world.get(child) is None

    play(collector, story)


def test_a_cluster_scoped_object_with_a_namespaced_owner_is_left_alone() -> None:
    async def story(world: World) -> None:
        owner = await world.create(config_map("owner"))
        role = await world.create(manifest("rbac.authorization.k8s.io/v1", "ClusterRole", "role", rules=[], owners=[owner]))
        await world.delete(owner)
        await world.settle()
        assert await world.get(role) is not None

    play(collector, story)


def test_an_owner_of_an_unknown_kind_keeps_its_dependents() -> None:
    async def story(world: World) -> None:
        strange = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "uid": "0-0"}}
        child = await world.create(config_map("child", owners=[strange]))
        await world.settle()
        assert await world.get(child) is not None

    play(collector, story)


def test_a_reference_with_a_wrong_name_is_dangling_though_the_uid_exists() -> None:
    async def story(world: World) -> None:
        owner = await world.create(config_map("owner"))
        child = await world.create(config_map("child", owners=[{**owner, "metadata": {**owner["metadata"], "name": "nobody"}}]))
        await world.settle()
        assert await world.get(child) is None

    play(collector, story)
