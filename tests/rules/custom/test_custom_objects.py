"""Custom objects in a whole cluster: written, patched, applied, read in every version, watched, owned, and gone with their definition."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.rules.custom.widgets import (
    DEFINITIONS,
    NAME,
    SPEC,
    WIDGETS,
    definition,
    establish,
    gone,
    on_cluster,
    schema,
    until,
    version,
    widget,
)
from wherry import Cluster
from wherry.api.errors import Conflict, Forbidden, Invalid, NotFound, StatusError, UnsupportedMediaType
from wherry.api.objects import Obj, controller_ref
from wherry.api.options import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, WriteOptions
from wherry.api.resources import Resource, resource
from wherry.kit.virtual import run_virtual
from wherry.rules.custom import conditions

MAPS = resource("configmaps")
NAMESPACES = resource("namespaces")


def test_generation_counts_changes_of_all_but_metadata_and_status() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition())
        made = await client.create(WIDGETS, "default", {**widget(), "status": {"ready": 1}})
        assert made["metadata"]["generation"] == 1
        assert "status" not in made
        made = await client.update(WIDGETS, {**made, "status": {"ready": 2}, "spec": {"size": 9}}, subresource="status")
        assert (made["metadata"]["generation"], made["spec"], made["status"]) == (1, {"size": 3}, {"ready": 2})
        made = await client.patch(WIDGETS, "default", "w", {"metadata": {"labels": {"a": "b"}}}, MERGE_PATCH)
        assert made["metadata"]["generation"] == 1
        made = await client.patch(WIDGETS, "default", "w", {"spec": {"size": 4}, "status": {"ready": 9}}, MERGE_PATCH)
        assert (made["metadata"]["generation"], made["status"]) == (2, {"ready": 2})

    on_cluster(story)


def test_without_a_status_subresource_the_status_is_a_field_like_any_other() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition(version(subresources={})))
        made = await client.create(WIDGETS, "default", {**widget(), "status": {"ready": 1}})
        assert made["status"] == {"ready": 1}
        made = await client.patch(WIDGETS, "default", "w", {"status": {"ready": 2}}, MERGE_PATCH)
        assert made["metadata"]["generation"] == 2
        with pytest.raises(NotFound):
            await client.update(WIDGETS, made, subresource="status")

    on_cluster(story)


def test_patches_but_the_strategic_one() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition())
        await client.create(WIDGETS, "default", widget(spec={"size": 1, "tags": ["a"]}))
        made = await client.patch(WIDGETS, "default", "w", [{"op": "add", "path": "/spec/tags/-", "value": "b"}], JSON_PATCH)
        assert made["spec"]["tags"] == ["a", "b"]
        with pytest.raises(
            UnsupportedMediaType, match="application/json-patch\\+json, application/merge-patch\\+json, application/apply-p"
        ):
            await client.patch(WIDGETS, "default", "w", {"spec": {"size": 2}}, STRATEGIC_PATCH)
        with pytest.raises(Invalid, match="should be greater than or equal to 1"):
            await client.patch(WIDGETS, "default", "w", {"spec": {"size": 0}}, MERGE_PATCH)
        with pytest.raises(Invalid, match=r"metadata.resourceVersion: Invalid value: .*must be specified for an update"):
            await client.update(WIDGETS, {**made, "metadata": {"name": "w", "namespace": "default"}})

    on_cluster(story)


def _apply(cluster: Cluster, spec: Obj, manager: str, *, force: bool = False) -> Any:
    options = WriteOptions(field_manager=manager, force=force)
    return cluster.aclient.patch(WIDGETS, "default", "w", widget(spec=spec), APPLY_PATCH, options=options)


def test_appliers_share_list_maps_and_sets() -> None:
    async def story(cluster: Cluster) -> None:
        await establish(cluster, definition())
        await _apply(cluster, {"size": 1, "ports": [{"port": 1}], "tags": ["a"], "free": {"x": [1]}}, "one")
        made = await _apply(cluster, {"ports": [{"port": 2}], "tags": ["b"], "free": {"y": 1}}, "two")
        assert made["spec"]["ports"] == [{"port": 1, "protocol": "TCP"}, {"port": 2, "protocol": "TCP"}]
        assert made["spec"]["tags"] == ["a", "b"]
        assert made["spec"]["free"] == {"x": [1], "y": 1}
        with pytest.raises(Conflict, match=r'conflict with "one": .spec.size'):
            await _apply(cluster, {"size": 5}, "two")
        made = await _apply(cluster, {"size": 5}, "two", force=True)
        assert (made["spec"]["ports"], made["spec"]["tags"], made["spec"]["free"]) == ([{"port": 1, "protocol": "TCP"}], ["a"], {"x": [1]})
        with pytest.raises(StatusError, match=r"failed to create typed patch object .*\.spec\.nope: field not declared in schema"):
            await _apply(cluster, {"nope": 1}, "two")

    on_cluster(story)


def test_a_watch_shows_every_version_and_ends_with_the_definition() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition())
        seen: list[tuple[str, int]] = []

        async def follow() -> None:
            async for batch in client.watch(WIDGETS, "default"):
                seen.extend((event.type, event.object["spec"]["size"]) for event in batch)

        watching = asyncio.create_task(follow())
        await asyncio.sleep(0)
        await client.create(WIDGETS, "default", widget())
        await client.patch(WIDGETS, "default", "w", {"spec": {"size": 7}}, MERGE_PATCH)
        await client.delete(WIDGETS, "default", "w")
        await client.delete(DEFINITIONS, "", NAME)
        async with asyncio.timeout(20):
            await watching
        assert seen == [("ADDED", 3), ("MODIFIED", 7), ("DELETED", 7)]

    on_cluster(story)


def test_versions_of_one_kind_show_the_same_object() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        newer = {**SPEC, "properties": {**SPEC["properties"], "extra": {"type": "string", "default": "new"}}}
        both = definition(version("v1", storage=False), version("v2", openapi=schema(newer)))
        await establish(cluster, both)
        second = Resource("example.com", "v2", "Widget", "widgets")
        made = await client.create(WIDGETS, "default", widget())
        assert (made["apiVersion"], made["spec"]) == ("example.com/v1", {"size": 3})
        shown = await client.get(second, "default", "w")
        assert (shown["apiVersion"], shown["spec"]) == ("example.com/v2", {"size": 3, "extra": "new"})
        assert [o["apiVersion"] for o in (await client.list(second, "default")).items] == ["example.com/v2"]
        assert b'"example.com/v2"' in (await cluster.store.get("widgets.example.com/default/w")).value  # type: ignore[union-attr]
        found = await client.get(DEFINITIONS, "", NAME)
        assert found["status"]["storedVersions"] == ["v2"]

    on_cluster(story)


def test_a_definition_that_changes_changes_what_is_there() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        made = await establish(cluster, definition())
        await client.create(WIDGETS, "default", widget(spec={"size": 3, "color": "red"}))
        fewer = {k: v for k, v in SPEC["properties"].items() if k != "color"} | {"added": {"type": "integer", "default": 5}}
        patch = {"spec": {"versions": [version(openapi=schema({**SPEC, "properties": fewer}))]}}
        await client.patch(DEFINITIONS, "", NAME, patch, MERGE_PATCH)
        assert (await client.get(WIDGETS, "default", "w"))["spec"] == {"size": 3, "added": 5}
        with pytest.raises(Invalid, match=r"spec.scope: Invalid value: \"Cluster\": field is immutable"):
            await client.patch(DEFINITIONS, "", NAME, {"spec": {"scope": "Cluster"}}, MERGE_PATCH)
        assert made["metadata"]["generation"] == 1

    on_cluster(story)


def test_selectable_fields_select() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition(version(selectableFields=[{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.size"}])))
        for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
            await client.create(WIDGETS, "default", widget(name, {"size": 1, "color": color}))
        found = await client.list(WIDGETS, "default", field_selector="spec.color=red,spec.size=1")
        assert [o["metadata"]["name"] for o in found.items] == ["a", "c"]
        with pytest.raises(StatusError, match=r"field label not supported: spec.nope"):
            await client.list(WIDGETS, "default", field_selector="spec.nope=1")

    on_cluster(story)


def test_without_selectable_fields_only_names_select() -> None:
    async def story(cluster: Cluster) -> None:
        await establish(cluster, definition())
        with pytest.raises(StatusError, match=r"^field label not supported: spec.size$"):
            await cluster.aclient.list(WIDGETS, "default", field_selector="spec.size=1")

    on_cluster(story)


def test_the_scale_reads_and_writes_the_paths_of_the_definition() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition())
        made = await client.create(WIDGETS, "default", widget())
        await client.update(WIDGETS, {**made, "status": {"ready": 2, "selector": "a=b"}}, subresource="status")
        scale = await client.get(WIDGETS, "default", "w", subresource="scale")
        assert (scale["kind"], scale["spec"], scale["status"]) == ("Scale", {"replicas": 3}, {"replicas": 2, "selector": "a=b"})
        await client.patch(WIDGETS, "default", "w", {"spec": {"replicas": 8}}, MERGE_PATCH, subresource="scale")
        made = await client.get(WIDGETS, "default", "w")
        assert made["spec"]["size"] == 8
        entries = {e.get("subresource", ""): e["fieldsV1"] for e in made["metadata"]["managedFields"]}
        assert entries["scale"] == {"f:spec": {"f:size": {}}}

    on_cluster(story)


def test_a_kind_may_be_cluster_scoped_and_names_generated() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition(scope="Cluster"))
        row = cluster.registry.table.by_kind("example.com/v1", "Widget")
        assert row is not None
        assert not row.namespaced
        made = await client.create(row, "", {**widget(), "metadata": {"generateName": "w-"}})
        assert made["metadata"]["name"].startswith("w-")
        assert "namespace" not in made["metadata"]
        dry = await client.create(row, "", widget("dry"), options=WriteOptions(dry_run=True))
        assert dry["spec"] == {"size": 3}
        assert len((await client.list(row)).items) == 1
        with pytest.raises(Invalid, match="a lowercase RFC 1123 subdomain must consist of"):
            await client.create(row, "", widget("Not_A_Name"))
        await client.delete_collection(row, "")
        assert (await client.list(row)).items == []

    on_cluster(story)


def test_two_definitions_cannot_have_one_name() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition())
        names = {"plural": "gadgets", "singular": "gadget", "kind": "Widget", "listKind": "GadgetList"}
        await client.create(DEFINITIONS, "", definition(names=names))

        async def told() -> Obj | None:
            return conditions.find(await client.get(DEFINITIONS, "", "gadgets.example.com"), "NamesAccepted")

        found = await until(told)
        assert (found["status"], found["reason"], found["message"]) == ("False", "KindConflict", '"Widget" is already in use')
        with pytest.raises(NotFound):
            await client.list(Resource("example.com", "v1", "Widget", "gadgets"))
        await client.delete(DEFINITIONS, "", NAME)

        async def established() -> bool:
            return conditions.is_true(await client.get(DEFINITIONS, "", "gadgets.example.com"), "Established")

        await until(established)

    on_cluster(story)


def test_objects_go_before_their_definition() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition())
        held = widget()
        held["metadata"]["finalizers"] = ["example.com/mine"]
        await client.create(WIDGETS, "default", held)
        marked = await client.delete(DEFINITIONS, "", NAME)
        assert marked["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
        assert "deletionGracePeriodSeconds" not in marked["metadata"]
        pending = conditions.find(marked, "Terminating")
        assert pending is not None
        assert pending["reason"] == "InstanceDeletionPending"

        async def going() -> bool:
            return "deletionTimestamp" in (await client.get(WIDGETS, "default", "w"))["metadata"]

        await until(going)
        with pytest.raises(Forbidden, match="create not allowed while custom resource definition is terminating"):
            await client.create(WIDGETS, "default", widget("late"))
        await client.patch(WIDGETS, "default", "w", {"metadata": {"finalizers": None}}, MERGE_PATCH)
        await cluster.clock.sleep(6)
        await gone(cluster, DEFINITIONS, "", NAME)
        with pytest.raises(NotFound, match="the server could not find the requested resource"):
            await client.list(WIDGETS)

    async def run() -> None:
        async with Cluster(nodes=0, serve=False, test_mode=True, seed=1) as cluster:
            await story(cluster)

    run_virtual(run(), epoch=1_767_225_600.0)


def test_owners_and_dependents_may_be_custom() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        await establish(cluster, definition())
        owner = await client.create(WIDGETS, "default", widget())
        child: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "ownerReferences": [controller_ref(owner)]}}
        child = await client.create(MAPS, "default", child)
        inner = widget("inner")
        inner["metadata"]["ownerReferences"] = [controller_ref(child)]
        await client.create(WIDGETS, "default", inner)
        await client.delete(WIDGETS, "default", "w")
        await gone(cluster, MAPS, "default", "c")
        await gone(cluster, WIDGETS, "default", "inner")

    on_cluster(story)


def test_a_namespace_takes_its_custom_objects_with_it() -> None:
    async def run() -> None:
        async with Cluster(nodes=0, serve=False, test_mode=True, seed=1) as cluster:
            client = cluster.aclient
            await establish(cluster, definition())
            await client.create(NAMESPACES, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
            await client.create(WIDGETS, "n", widget())
            await client.delete(NAMESPACES, "", "n")
            await gone(cluster, NAMESPACES, "", "n")
            assert (await client.list(WIDGETS)).items == []

    run_virtual(run(), epoch=1_767_225_600.0)


def test_a_definition_may_come_back_with_another_scope() -> None:
    async def story(cluster: Cluster) -> None:
        client = cluster.aclient
        for scope in ("Namespaced", "Cluster", "Namespaced"):
            row, namespace = (WIDGETS, "default") if scope == "Namespaced" else (replace(WIDGETS, namespaced=False), "")
            await establish(cluster, definition(scope=scope))
            made = await client.create(row, namespace, widget())
            assert made["metadata"].get("namespace", "") == namespace
            if namespace:
                with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
                    await client.create(row, "nowhere", widget())
            await client.delete(DEFINITIONS, "", NAME)
            await gone(cluster, DEFINITIONS, "", NAME)

    on_cluster(story)


def test_definitions_are_there_again_after_a_restart(tmp_path: Any) -> None:
    async def first(cluster: Cluster) -> None:
        await establish(cluster, definition())
        await cluster.aclient.create(WIDGETS, "default", widget())

    async def again(cluster: Cluster) -> None:
        assert [o["spec"] for o in (await cluster.aclient.list(WIDGETS)).items] == [{"size": 3}]
        assert replace(WIDGETS, plural="gadgets") != WIDGETS

    on_cluster(first, data_dir=tmp_path)
    on_cluster(again, data_dir=tmp_path)
