"""Rollouts as snapshots, on a cluster; and the snapshots as a screen and as lines."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from rich.console import Console

from tests.rollout.workloads import DEPLOYMENTS, deployment
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import STRATEGIC_PATCH
from wherry.cli.kube.live_lines import Lines
from wherry.cli.kube.live_view import view
from wherry.client.http import HttpClient
from wherry.client.kubeconfig import Overrides, load
from wherry.rollout import Blocking, Rollout, deadline
from wherry.rollout.causes import Cause
from wherry.rollout.errors import Deleted
from wherry.rollout.snapshot import Line, Snapshot, Told
from wherry.rollout.targets import parse
from wherry.rollout.watching import snapshots

WEB = parse("deployment/web")


async def set_image(client: Any, image: str, **spec: Any) -> None:
    patch = {"spec": {**spec, "template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await client.patch(DEPLOYMENTS, "default", "web", patch, STRATEGIC_PATCH)


def on_a_cluster(work: Any) -> None:
    async def whole() -> None:
        async with Cluster(nodes=2, serve=False) as cluster:
            await asyncio.wait_for(work(cluster.client), 40)

    asyncio.run(whole())


def test_a_rollout_is_seen_revision_by_revision_until_it_is_done() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment())
        await Rollout(client, "deployment/web").wait(10)
        await set_image(client, "nginx:2")
        seen = [step async for step in snapshots(client, WEB, "default")]
        assert seen[-1].done
        assert not any(step.done for step in seen[:-1])
        newest = seen[-1].newest
        assert newest is not None
        assert (newest.revision, newest.images, newest.ready, seen[-1].object) == (2, ("nginx:2",), 3, "deployments/web")
        assert {line.revision for step in seen for line in step.revisions} <= {1, 2}

    on_a_cluster(work)


def test_a_snapshot_names_the_cause_and_the_deadline_and_ends_when_it_strikes() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment())
        await Rollout(client, "deployment/web").wait(10)
        await set_image(client, "nginx:999.0", progressDeadlineSeconds=1)
        seen = [step async for step in snapshots(client, WEB, "default", every=0.1)]
        assert seen[-1].failed == 'deployment "web" exceeded its progress deadline'
        assert any(cause.kind == "image" for step in seen for cause in step.causes)
        assert any(step.deadline_left for step in seen)
        await Rollout(client, "deployment/web").undo()
        await client.patch(DEPLOYMENTS, "default", "web", {"spec": {"progressDeadlineSeconds": 600}}, STRATEGIC_PATCH)
        after = [step async for step in snapshots(client, WEB, "default", every=0.1)]
        assert after[-1].done
        assert not any(step.failed for step in after)

    on_a_cluster(work)


def test_what_goes_away_ends_it() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment(image="does-not-exist"))
        stream = snapshots(client, WEB, "default", every=0.1)
        await anext(stream)
        await client.delete(DEPLOYMENTS, "default", "web")
        with pytest.raises(Deleted):
            async for _ in stream:
                pass

    on_a_cluster(work)


# --- the deadline ---
def failed_at(condition: str, template: str) -> Obj:
    fields = {"f:spec": {"f:template": {}}}
    web = deployment(progressDeadlineSeconds=60)
    web["metadata"]["managedFields"] = [{"manager": "x", "time": template, "fieldsV1": fields}]
    web["status"] = {"observedGeneration": 1, "conditions": [{"type": "Progressing", "status": "False", "reason": deadline.EXCEEDED,
                                                             "lastUpdateTime": condition}]}
    return web


def test_a_deadline_that_struck_before_the_template_was_written_is_old() -> None:
    assert deadline.struck(failed_at("2026-01-01T00:01:00Z", "2026-01-01T00:00:00Z"))
    assert not deadline.struck(failed_at("2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"))
    assert deadline.left(failed_at("2026-01-01T00:01:00Z", "2026-01-01T00:00:00Z"), 0.0) == 0.0


def test_a_condition_that_names_another_replica_set_is_old_and_one_that_names_the_newest_is_not() -> None:
    web = failed_at("2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z")
    web["status"]["conditions"][0]["message"] = 'ReplicaSet "web-5d" has timed out progressing.'
    assert deadline.struck(web, "web-5d")
    assert not deadline.struck(web, "web-4c")
    assert not deadline.struck({**web, "metadata": {**web["metadata"], "generation": 9}}, "web-5d")


def test_what_is_left_counts_from_the_last_progress() -> None:
    web = failed_at("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    web["status"]["conditions"][0]["reason"] = "ReplicaSetUpdated"
    assert deadline.left(web, 1767225600.0 + 25) == 35.0
    web["status"]["conditions"][0]["reason"] = "NewReplicaSetAvailable"
    assert deadline.left(web, 1767225600.0) is None


# --- how it looks ---
def example() -> Snapshot:
    lines = (Line(1, "web-a", ("nginx:1",), False, 3, 3, 0, 1, 0), Line(2, "web-b", ("nginx:2",), True, 2, 0, 2, 0, 3, "CrashLoopBackOff"))
    crash = [Cause("crash", f"web-b-{n}", "c", "CrashLoopBackOff", "exit code 1, 3 restarts", True, ("a", "b", "no database"))
             for n in "xy"]
    events = (Told(990.0, "Warning", "BackOff", "pod/web-b-x", "Back-off restarting failed container", 3),)
    return Snapshot("deployments/web", "Waiting...", False, "", 2, 4, 2, 3, lines, 290.0, tuple(crash), events)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_screen_fits_its_width(width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(view([example()], width, 1000.0))
    lines = out.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    text = "\n".join(lines)
    assert text.startswith("deployments/web  rolling out")
    if width >= 80:
        assert "deadline in 4m50s" in text
        assert "✗ CrashLoopBackOff: exit code 1, 3 restarts (2 pods: web-b-x, web-b-y)" in text
        assert "│ no database" in text
        assert "10s ago  BackOff (x3)  pod/web-b-x" in text
        assert text.index("→ rev 2") < text.index("rev 1")


def test_lines_say_each_thing_once() -> None:
    lines = Lines()
    first = lines.text(example())
    assert first.splitlines()[0] == ("deployments/web: rolling out: 2/4 updated, 3 available; revision 2 (nginx:2): 2 CrashLoopBackOff; "
                                     "revision 1 (nginx:1): 3 ready, 1 terminating")
    assert "deployments/web:   | no database" in first
    assert lines.text(example()) == ""


def test_blocking_code_sees_the_same() -> None:
    with Cluster(nodes=2) as cluster:

        def connect() -> HttpClient:
            return HttpClient(load(Overrides(kubeconfig=cluster.kubeconfig), {}))

        async def create() -> None:
            async with connect() as client:
                await client.create(DEPLOYMENTS, "default", deployment())

        asyncio.run(create())
        with Blocking(connect, "deployment/web") as web:
            assert list(web.snapshots())[-1].done
            assert web.causes() == []
            assert web.guard().ok
            assert web.last_healthy().number == web.remember().revision == 1
