"""What undo does beyond kubectl's: the last healthy revision, all or none, fields given back, configuration restored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, deployment, template
from wherry import Cluster
from wherry.api.errors import Conflict
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, MERGE_PATCH, STRATEGIC_PATCH, WriteOptions
from wherry.rollout import Rollout
from wherry.rollout.adopt import adopt
from wherry.rollout.atomic import put_back
from wherry.rollout.config_copies import CONFIG, COPY, Reference, copy_of, note, references, remembered
from wherry.rollout.errors import NothingToUndo
from wherry.rollout.last_healthy import HEALTHY, find, last_healthy, mark
from wherry.rollout.ownership import common, given_back, minus
from wherry.rollout.remembering import REMEMBER, NotRemembered, remember, restore
from wherry.rollout.revisions import Revision
from wherry.rollout.targets import CONFIG_MAPS, REPLICA_SETS, SECRETS, parse

WEB = parse("deployment/web")


def on_a_cluster(work: Callable[[Any], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cluster(nodes=2, serve=False) as cluster:
            await asyncio.wait_for(work(cluster.client), 40)

    asyncio.run(whole())


async def set_image(client: Any, image: str) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await client.patch(DEPLOYMENTS, "default", "web", patch, STRATEGIC_PATCH)


async def rolled(client: Any, image: str) -> None:
    await set_image(client, image)
    await Rollout(client, "deployment/web").wait(10)


# --- the last healthy revision ---
def replica_set(number: int, wanted: int, available: int, **notes: str) -> Revision:
    source = {"kind": "ReplicaSet", "spec": {"replicas": wanted}, "status": {"availableReplicas": available},
              "metadata": {"name": f"web-{number}", "annotations": {"deployment.kubernetes.io/revision": str(number), **notes}}}
    return Revision(number, "", template(), source)


def running(number: int) -> Obj:
    web = deployment()
    web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": str(number)}
    return web


def test_a_revision_whose_pods_are_all_available_was_healthy() -> None:
    found = [replica_set(1, 3, 3), replica_set(2, 0, 0), replica_set(3, 1, 0)]
    best = last_healthy(running(3), found, [])
    assert best is not None
    assert best.number == 1
    assert last_healthy(running(3), found[1:], []) is None


def test_a_mark_counts_on_its_own_bearer_only() -> None:
    marked = [replica_set(1, 0, 0, **{HEALTHY: "web-1 2026"}), replica_set(2, 0, 0, **{HEALTHY: "web-1 2026"}), replica_set(3, 1, 0)]
    best = last_healthy(running(3), marked, [])
    assert best is not None
    assert best.number == 1


def test_the_last_healthy_revision_is_found_past_broken_ones_and_may_be_the_running_one() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment(strategy={"type": "Recreate"}))
        await Rollout(client, "deployment/web").wait(10)
        assert (await find(client, WEB, "default")).number == 1
        await mark(client, WEB, "default", await find(client, WEB, "default"), 1e9)
        for broken in ("nginx:999.1", "nginx:999.2"):
            await set_image(client, broken)
            async for step in Rollout(client, "deployment/web").status():
                if step.updated == 3:
                    break
        assert (await find(client, WEB, "default")).number == 1

    on_a_cluster(work)


def test_without_evidence_nothing_is_guessed() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment(image="nginx:999.0"))
        async for step in Rollout(client, "deployment/web").status():
            if step.updated == 3:
                break
        with pytest.raises(NothingToUndo, match="no revision is known to have been fully available"):
            await find(client, WEB, "default")

    on_a_cluster(work)


# --- all or none ---
def test_an_undo_is_put_back() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment())
        await Rollout(client, "deployment/web").wait(10)
        await rolled(client, "nginx:2")
        rollout = Rollout(client, "deployment/web")
        before = await rollout.workload()
        assert not await put_back(client, WEB, "default", before)
        await rollout.undo()
        assert await put_back(client, WEB, "default", before)
        assert [r.images for r in await rollout.history()][-1:] == [["nginx:2"]]

    on_a_cluster(work)


# --- managed fields ---
def test_sets_of_fields_are_taken_apart() -> None:
    both = {"f:a": {"f:x": {}, "f:y": {}}, "f:b": {}}
    assert minus(both, {"f:a": {"f:x": {}}}) == {"f:a": {"f:y": {}}, "f:b": {}}
    assert common(both, {"f:a": {"f:y": {}, "f:z": {}}}) == {"f:a": {"f:y": {}}}


def test_without_an_applier_nothing_moves() -> None:
    entry = {"manager": "wherry", "operation": "Update", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}}
    assert given_back([], [entry]) is None


def applied(image: str) -> Obj:
    web = deployment(image=image, replicas=1)
    return {**{k: v for k, v in web.items() if k != "status"}, "metadata": {"name": "web", "namespace": "default"}}


async def apply(client: Any, image: str) -> Obj:
    return dict(await client.patch(DEPLOYMENTS, "default", "web", applied(image), APPLY_PATCH, options=WriteOptions(field_manager="ci")))


def test_after_an_adopted_undo_the_next_server_side_apply_finds_no_conflict() -> None:
    async def work(client: Any) -> None:
        await apply(client, "nginx:1")
        rollout = Rollout(client, "deployment/web")
        await rollout.wait(10)
        await apply(client, "nginx:2")
        await rollout.wait(10)
        before = await rollout.workload()
        undone = await rollout.undo()
        with pytest.raises(Conflict):
            await apply(client, "nginx:3")
        assert await adopt(client, WEB, "default", before, undone.template) == (False, True)
        managers = [(e["manager"], e["operation"]) for e in (await rollout.workload())["metadata"]["managedFields"]
                    if "f:spec" in e["fieldsV1"]]
        assert managers == [("ci", "Apply")]
        await apply(client, "nginx:3")

    on_a_cluster(work)


# --- configuration ---
CONFIGURED: Obj = {"spec": {
    "initContainers": [{"name": "i", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "token", "key": "a"}}}]}],
    "containers": [{"name": "c", "image": "nginx:1", "envFrom": [{"configMapRef": {"name": "app"}}, {"secretRef": {"name": "key"}}]}],
    "volumes": [{"name": "v", "configMap": {"name": "files"}}, {"name": "s", "secret": {"secretName": "tls"}},
                {"name": "p", "projected": {"sources": [{"configMap": {"name": "ca"}}]}}, {"name": "e", "emptyDir": {}}]}}


def test_every_way_to_refer_to_configuration_is_found() -> None:
    assert [str(each) for each in references(CONFIGURED)] == ["ConfigMap/app", "ConfigMap/ca", "ConfigMap/files", "Secret/key",
                                                              "Secret/tls", "Secret/token"]


def test_equal_content_is_one_copy_and_other_content_another() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "uid": "u", "namespace": "default"}}
    app = Reference("ConfigMap", "app")
    one, same, other = (copy_of({"data": data, "metadata": {}}, app, owner) for data in ({"a": "1"}, {"a": "1"}, {"a": "2"}))
    assert one == same
    assert one["metadata"]["name"] != other["metadata"]["name"]
    assert one["immutable"]


def test_a_note_counts_on_its_own_bearer_only() -> None:
    source = {"metadata": {"name": "web-1"}}
    text = note(source, {Reference("ConfigMap", "app"): "app-x"})
    assert remembered({"metadata": {"name": "web-1", "annotations": {CONFIG: text}}}) == {Reference("ConfigMap", "app"): "app-x"}
    assert remembered({"metadata": {"name": "web-2", "annotations": {CONFIG: text}}}) == {}
    assert remembered({"metadata": {"name": "web-2", "annotations": {CONFIG: "nonsense"}}}) == {}


async def configured(client: Any, value: str) -> None:
    await client.patch(CONFIG_MAPS, "default", "app", {"data": {"a": value}}, MERGE_PATCH)


async def with_config(client: Any, **notes: str) -> None:
    await client.create(CONFIG_MAPS, "default", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"a": "1"}})
    web = deployment()
    web["metadata"]["annotations"] = notes
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "app"}},
                                                                   {"secretRef": {"name": "none", "optional": True}}]
    await client.create(DEPLOYMENTS, "default", web)
    await Rollout(client, "deployment/web").wait(10)


async def value(client: Any) -> str:
    return str((await client.get(CONFIG_MAPS, "default", "app"))["data"]["a"])


def test_what_a_revision_ran_with_comes_back() -> None:
    async def work(client: Any) -> None:
        await with_config(client)
        memory = await remember(client, WEB, "default")
        assert (memory.revision, [ref for ref, _ in memory.copies], memory.missing) == (1, ["ConfigMap/app"], ("Secret/none",))
        await configured(client, "2")
        await rolled(client, "nginx:2")
        first, second = await Rollout(client, "deployment/web").history()
        assert await restore(client, first, "default", dry_run=True) == ["ConfigMap/app"]
        assert await value(client) == "2"
        assert await restore(client, first, "default") == ["ConfigMap/app"]
        assert await value(client) == "1"
        assert await restore(client, first, "default") == []
        await client.delete(CONFIG_MAPS, "default", "app")
        assert await restore(client, first, "default") == ["ConfigMap/app"]
        with pytest.raises(NotRemembered, match="nobody remembered the configuration of revision 2"):
            await restore(client, second, "default")

    on_a_cluster(work)


def test_copies_that_no_revision_needs_are_forgotten() -> None:
    async def work(client: Any) -> None:
        await with_config(client)
        for each in ("1", "2", "3"):
            await configured(client, each)
            await remember(client, WEB, "default")
        copies = (await client.list(CONFIG_MAPS, "default", label_selector=f"{COPY}=true")).items
        assert [copy["data"] for copy in copies] == [{"a": "3"}]
        assert (await client.list(SECRETS, "default", label_selector=f"{COPY}=true")).items == []

    on_a_cluster(work)


def test_an_annotated_workload_is_remembered_by_the_cluster_revision_by_revision() -> None:
    async def work(client: Any) -> None:
        async def copies(number: int) -> set[str]:
            while True:
                sources = (await client.list(REPLICA_SETS, "default")).items
                seen = {copy for rs in sources for copy in remembered(rs).values()}
                if len(seen) == number:
                    return seen
                await asyncio.sleep(0.02)

        await with_config(client, **{REMEMBER: "true"})
        await copies(1)
        await configured(client, "2")
        await set_image(client, "nginx:2")
        seen = await copies(2)
        contents = [(await client.get(CONFIG_MAPS, "default", copy))["data"] for copy in seen]
        assert sorted(data["a"] for data in contents) == ["1", "2"]

    on_a_cluster(work)


def test_stateful_sets_have_healthy_revisions_too() -> None:
    async def work(client: Any) -> None:
        body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default"},
                "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "web"}}, "template": template()}}
        await client.create(STATEFUL_SETS, "default", body)
        rollout = Rollout(client, "sts/db")
        await rollout.wait(20)
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:999.0"}]}}}}
        await client.patch(STATEFUL_SETS, "default", "db", patch, STRATEGIC_PATCH)
        async for step in rollout.status():
            if step.updated == 1:
                break
        assert (await find(client, parse("sts/db"), "default")).images == ["nginx:1"]

    on_a_cluster(work)
