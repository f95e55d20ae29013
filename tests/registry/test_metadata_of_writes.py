"""What a write may say of metadata: what is refused, what is ignored, what is told, and in which order it comes back.

Expected values: Kubernetes v1.36 (registry/rest/{create,update}.go, endpoints/handlers/rest.go), as recorded or read there.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.world import ADMIN, CONFIG_MAPS, World, in_world
from wherry.api.errors import Conflict, Invalid, StatusError
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, DeleteOptions, Target, WriteOptions
from wherry.api.resources import resource
from wherry.registry.results import Written

ONE = Target(CONFIG_MAPS, "default", "a")
OPTIONS = WriteOptions(user_agent="tests", field_manager="tests")
IMMUTABLE = [
    ("uid", "other", '"other"'),
    ("deletionTimestamp", "2030-01-01T00:00:00Z", '"2030-01-01T00:00:00Z"'),
    ("deletionGracePeriodSeconds", 5, "5"),
]


async def patch(world: World, kind: str, metadata: Obj) -> Written:
    body: Any = {"metadata": metadata}
    if kind == JSON_PATCH:
        body = [{"op": "add", "path": f"/metadata/{name}", "value": value} for name, value in metadata.items()]
    if kind == APPLY_PATCH:
        body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a", **metadata}}
    return await world.registry.patch(ONE, kind, body, OPTIONS, ADMIN)


@pytest.mark.parametrize("kind", [MERGE_PATCH, STRATEGIC_PATCH, JSON_PATCH, APPLY_PATCH])
@pytest.mark.parametrize(("name", "value", "shown"), IMMUTABLE)
def test_a_patch_cannot_change_what_is_the_systems(kind: str, name: str, value: object, shown: str) -> None:
    async def play(world: World) -> None:
        before = await world.config_map("a")
        with pytest.raises(Invalid) as caught:
            await patch(world, kind, {name: value})
        text = f"Invalid value: {shown}: field is immutable"
        assert caught.value.message == f'ConfigMap "a" is invalid: metadata.{name}: {text}'
        cause = {"reason": "FieldValueInvalid", "message": text, "field": f"metadata.{name}"}
        assert (caught.value.details or {})["causes"] == [cause, cause]
        assert await world.client.get(CONFIG_MAPS, "default", "a") == before

    in_world(play)


def test_another_time_of_creation_is_ignored_and_nobodys() -> None:
    async def play(world: World) -> None:
        before = await world.config_map("a")
        written = await patch(world, MERGE_PATCH, {"creationTimestamp": "2030-01-01T00:00:00Z"})
        assert written.record.object() == before

    in_world(play)


def test_a_removed_deletion_comes_back() -> None:
    async def play(world: World) -> None:
        await world.config_map("a", finalizers=["example.com/x"])
        held = await world.client.delete(CONFIG_MAPS, "default", "a")
        bare = {k: v for k, v in held["metadata"].items() if not k.startswith("deletion")}
        again = await world.client.update(CONFIG_MAPS, {**held, "metadata": bare})
        for name in ("deletionTimestamp", "deletionGracePeriodSeconds"):
            assert again["metadata"][name] == held["metadata"][name]

    in_world(play)


def test_a_replaced_object_has_its_uid_as_a_precondition() -> None:
    async def play(world: World) -> None:
        made = await world.config_map("a")
        with pytest.raises(Conflict, match="Precondition failed: UID in precondition: other, UID in object meta: "):
            await world.client.update(CONFIG_MAPS, {**made, "metadata": {**made["metadata"], "uid": "other"}})

    in_world(play)


def owner(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Node", "name": name, "uid": f"uid-{name}"}


SENT = (
    ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as "
    "early as 1.24; please fix your requests; duplicate UID(s) observed: uid-n"
)
MUTATED = SENT.replace("entries;", "entries after mutating admission happens;")


def test_equal_owners_are_one_and_the_client_is_told() -> None:
    async def play(world: World) -> None:
        twice = [owner("n"), owner("m"), owner("n")]
        body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a", "ownerReferences": twice}}
        made = await world.registry.create(Target(CONFIG_MAPS, "default"), body, OPTIONS, ADMIN)
        assert made.record.object()["metadata"]["ownerReferences"] == [owner("n"), owner("m")]
        assert made.warnings == (SENT,)
        assert (await world.registry.update(ONE, body, OPTIONS, ADMIN)).warnings == (SENT,)
        patched = await patch(world, MERGE_PATCH, {"ownerReferences": [owner("n"), owner("n")]})
        assert patched.record.object()["metadata"]["ownerReferences"] == [owner("n")]
        assert patched.warnings == (MUTATED,)

    in_world(play)


def test_references_to_one_owner_that_differ_both_stay() -> None:
    async def play(world: World) -> None:
        both = [owner("n"), {**owner("n"), "blockOwnerDeletion": True}]
        assert (await world.config_map("a", ownerReferences=both))["metadata"]["ownerReferences"] == both

    in_world(play)


@pytest.mark.parametrize("metadata", [{}, {"name": "Not A Name"}])
def test_a_version_in_a_create_is_no_reason_to_hide_what_else_is_wrong(metadata: Obj) -> None:
    async def play(world: World) -> None:
        with pytest.raises(Invalid, match=r"ConfigMap \".*\" is invalid: metadata\.name"):
            await world.client.create(CONFIG_MAPS, "default", {"metadata": {**metadata, "resourceVersion": "7"}})

    in_world(play)


def test_a_version_in_a_create_that_is_right_otherwise_is_storages_fault() -> None:
    async def play(world: World) -> None:
        with pytest.raises(StatusError, match="resourceVersion should not be set on objects to be created") as caught:
            await world.config_map("a", resourceVersion="7")
        assert caught.value.code == 500

    in_world(play)


ORDER = ["name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "labels", "annotations", "managedFields"]


def test_metadata_comes_back_in_the_order_of_the_reference() -> None:
    async def play(world: World) -> None:
        made = await world.config_map("a", annotations={"a": "1"}, labels={"b": "2"}, generation=5)
        assert list(made["metadata"]) == ORDER
        assert made["metadata"]["generation"] == 5
        patched = await patch(world, MERGE_PATCH, {"generateName": "x-"})
        assert list(patched.record.object()["metadata"]) == ["name", "generateName", *ORDER[1:]]
        replaced = await world.client.update(CONFIG_MAPS, {"metadata": {"annotations": {"a": "1"}, "namespace": "default", "name": "a"}})
        assert list(replaced["metadata"]) == [name for name in ORDER if name != "labels"]
        assert replaced["metadata"]["generation"] == 5

    in_world(play)


def test_the_last_event_of_an_object_shows_it_as_it_was_stored_last() -> None:
    async def play(world: World) -> None:
        await world.config_map("a", finalizers=["example.com/x"])
        held = await world.client.delete(CONFIG_MAPS, "default", "a")
        answer = await patch(world, MERGE_PATCH, {"finalizers": None})
        events = await world.events(1, resource_version=held["metadata"]["resourceVersion"])
        last = events[0].record
        assert last is not None
        shown = last.object()
        assert (events[0].type, shown["metadata"]["finalizers"]) == ("DELETED", ["example.com/x"])
        assert shown["metadata"]["resourceVersion"] == str(last.revision) > held["metadata"]["resourceVersion"]
        assert "finalizers" not in answer.record.object()["metadata"]

    in_world(play)


def test_a_delete_that_asks_for_orphans_is_no_managers_write() -> None:
    async def play(world: World) -> None:
        made = await world.config_map("a")
        gone = await world.client.delete(CONFIG_MAPS, "default", "a", DeleteOptions(propagation_policy="Orphan"))
        assert gone["metadata"]["finalizers"] == ["orphan"]
        assert gone["metadata"]["managedFields"] == made["metadata"]["managedFields"]

    in_world(play)


def test_a_namespace_that_waits_for_its_content_has_no_grace_period() -> None:
    async def play(world: World) -> None:
        await world.client.create(resource("namespaces"), "", {"metadata": {"name": "n"}})
        going = await world.client.delete(resource("namespaces"), "", "n")
        assert going["status"]["phase"] == "Terminating"
        assert "deletionTimestamp" in going["metadata"]
        assert "deletionGracePeriodSeconds" not in going["metadata"]

    in_world(play)
