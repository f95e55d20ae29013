"""Why a rollout does not go on: from what pods say, on a cluster, and what an undo does about it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, deployment, template
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import STRATEGIC_PATCH
from wherry.rollout import Rollout, stuck_pods
from wherry.rollout.adopt import LAST_APPLIED, adopted, changed_back
from wherry.rollout.causes import Cause, of_events, of_owner, of_pod
from wherry.rollout.explain import Stuck, explained
from wherry.rollout.progress import Progress
from wherry.rollout.targets import parse


def pod(*, state: Obj | None = None, conditions: list[Obj] | None = None, **status: Any) -> Obj:
    containers = [{"name": "c", "state": state, **status.pop("container", {})}] if state is not None else []
    return {"metadata": {"name": "web-1"}, "spec": {"containers": [{"name": "c", "image": "nginx:9"}]},
            "status": {"containerStatuses": containers, "conditions": conditions or [], **status}}


def waiting(reason: str, message: str = "") -> Obj:
    return {"waiting": {"reason": reason, "message": message}}


@pytest.mark.parametrize(("found", "kind", "text", "final"), [
    (pod(state=waiting("ImagePullBackOff")), "image", 'pod web-1, container c: ImagePullBackOff: image "nginx:9"', True),
    (pod(state=waiting("CreateContainerConfigError", 'configmap "x" not found')), "config",
     'pod web-1, container c: CreateContainerConfigError: configmap "x" not found', True),
    (pod(state=waiting("CrashLoopBackOff"),
         container={"restartCount": 3, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}),
     "crash", "pod web-1, container c: CrashLoopBackOff: exit code 137 (OOMKilled), 3 restarts", True),
    (pod(state={"terminated": {"exitCode": 1, "reason": "Error", "message": "a\nb"}}, container={"restartCount": 1}), "crash",
     "pod web-1, container c: Error: exit code 1, 1 restart", True),
    (pod(state={"terminated": {"exitCode": 1, "reason": "Error"}}, container={"restartCount": 0}), "crash",
     "pod web-1, container c: Error: exit code 1, 0 restarts", False),
    (pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]), "unschedulable",
     "pod web-1: Unschedulable: 0/1 nodes", False),
    (pod(phase="Failed", reason="Evicted", message="disk"), "start", "pod web-1: Evicted: disk", True),
])
def test_a_pod_says_what_is_wrong(found: Obj, kind: str, text: str, final: bool) -> None:
    cause, = of_pod(found)
    assert (cause.kind, str(cause), cause.final) == (kind, text, final)


def test_a_crash_shows_its_last_lines() -> None:
    cause, = of_pod(pod(state={"terminated": {"exitCode": 1, "message": "a\nb"}}))
    assert cause.log == ("a", "b")


def test_a_ready_or_leaving_pod_has_no_cause_and_a_failing_probe_is_the_last_one_told() -> None:
    assert of_pod(pod(state=waiting("ImagePullBackOff"), conditions=[{"type": "Ready", "status": "True"}])) == []
    assert of_pod({**pod(state=waiting("ImagePullBackOff")), "metadata": {"name": "x", "deletionTimestamp": "now"}}) == []
    running = pod(state={"running": {}})
    assert of_pod(running) == []
    assert [str(c) for c in of_pod(running, ["first", "HTTP probe failed with statuscode: 500"])] == [
        "pod web-1: Unhealthy: HTTP probe failed with statuscode: 500"]


def test_pods_that_cannot_be_created_are_told_by_condition_or_event() -> None:
    owner = {"status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                                        "message": "exceeded quota"}]}}
    assert [str(c) for c in of_owner(owner)] == ["no pods can be created: FailedCreate: exceeded quota"]
    assert of_owner({"status": {}}) == []
    assert of_events([{"type": "Warning", "reason": "FailedCreate", "message": "quota"}])[0].message == "quota"


# --- on a cluster ---
def on_a_cluster(work: Callable[[Any], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cluster(nodes=2, serve=False) as cluster:
            await asyncio.wait_for(work(cluster.client), 40)

    asyncio.run(whole())


async def set_image(client: Any, image: str, resource: Any = DEPLOYMENTS, name: str = "web") -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await client.patch(resource, "default", name, patch, STRATEGIC_PATCH)


async def collect(steps: AsyncIterator[Progress | Cause], into: list[Progress | Cause]) -> None:
    async for step in steps:
        into.append(step)


def test_an_image_that_is_missing_ends_a_fast_failing_status() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment())
        await Rollout(client, "deployment/web").wait(10)
        await set_image(client, "nginx:999.0")
        seen: list[Progress | Cause] = []
        with pytest.raises(Stuck, match=r'image "nginx:999\.0"'):
            await collect(explained(client, parse("deployment/web"), "default", fail_fast=True, every=0.05), seen)
        assert isinstance(seen[0], Progress)
        assert [c.reason for c in seen if isinstance(c, Cause)][-1] in ("ImagePullBackOff", "ErrImagePull")

    on_a_cluster(work)


def test_a_rollout_that_goes_well_has_no_causes_to_end_with() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment())
        seen = [step async for step in explained(client, parse("deployment/web"), "default", fail_fast=True, every=0.05)]
        assert isinstance(seen[-1], Progress)
        assert seen[-1].done

    on_a_cluster(work)


def test_the_deadline_of_what_was_undone_does_not_fool_it() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment(progressDeadlineSeconds=1))
        rollout = Rollout(client, "deployment/web")
        await rollout.wait(10)
        await set_image(client, "nginx:999.0")
        with pytest.raises(Exception, match="exceeded its progress deadline"):
            await rollout.wait(10)
        await rollout.undo()
        seen = [step async for step in explained(client, parse("deployment/web"), "default", every=0.05)]
        assert isinstance(seen[-1], Progress)
        assert seen[-1].done

    on_a_cluster(work)


def test_a_stuck_pod_of_a_stateful_set_is_removed_with_the_undo() -> None:
    async def work(client: Any) -> None:
        await client.create(STATEFUL_SETS, "default", {
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default"},
            "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "web"}}, "template": template()}})
        rollout = Rollout(client, "sts/db")
        await rollout.wait(20)
        await set_image(client, "nginx:999.0", STATEFUL_SETS, "db")
        async for step in explained(client, parse("sts/db"), "default", every=0.05):
            if isinstance(step, Cause):
                break
        before = await rollout.workload()
        wanted = (await rollout.history())[0]
        await rollout.undo(wanted.number)
        found = await stuck_pods.find(client, "default", before, wanted.source["metadata"]["name"])
        assert await stuck_pods.remove(client, "default", found) == ["db-1"]
        assert (await rollout.wait(20)).done

    on_a_cluster(work)


def test_only_pods_of_the_abandoned_revision_are_stuck() -> None:
    owner = {"metadata": {"uid": "u"}}

    def member(revision: str, ready: str) -> Obj:
        return {"metadata": {"name": revision + ready, "labels": {"controller-revision-hash": revision},
                             "ownerReferences": [{"uid": "u", "controller": True}]},
                             "status": {"conditions": [{"type": "Ready", "status": ready}]}}

    pods = [member("a", "False"), member("b", "True"), member("b", "False")]
    assert [p["metadata"]["name"] for p in stuck_pods.stuck(owner, pods, "a")] == ["bFalse"]


# --- what the next apply would do ---
def applied(image: str) -> Obj:
    web = deployment(image=image)
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                "spec": {"selector": web["spec"]["selector"], "template": template(image)}}
    web["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(manifest)}
    return web


def test_the_next_apply_would_change_the_undo_back() -> None:
    found = changed_back(applied("nginx:2"), template("nginx:1", **{"pod-template-hash": "x"}), DEPLOYMENTS.schema)
    assert [(d.path, d.old, d.new) for d in found] == [("spec.containers[c].image", "nginx:1", "nginx:2")]
    assert changed_back(deployment(), template("nginx:1"), DEPLOYMENTS.schema) == []


def test_an_adopted_undo_is_not_changed_back() -> None:
    web = applied("nginx:2")
    change = adopted(web, template("nginx:1"))
    assert change is not None
    undone = deployment(image="nginx:1")
    undone["metadata"]["annotations"] = change.patch["metadata"]["annotations"]
    assert changed_back(undone, undone["spec"]["template"], DEPLOYMENTS.schema) == []
    assert adopted(undone, undone["spec"]["template"]) is None
