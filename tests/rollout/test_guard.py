"""The guard: its conditions, what meets them, the undo it makes; once, and as the controller of annotated workloads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, deployment, template
from wherry import Cluster
from wherry.api.options import MERGE_PATCH, STRATEGIC_PATCH
from wherry.client.follow import follow
from wherry.kit.fetch import Fetched
from wherry.rollout import Rollout
from wherry.rollout.causes import Cause
from wherry.rollout.guard import GUARD, BadGuard, Conditions, Judge, Query, parse, probe_trouble, query, query_trouble
from wherry.rollout.guarding import Guard
from wherry.rollout.last_healthy import HEALTHY
from wherry.rollout.snapshot import Line, Snapshot
from wherry.rollout.targets import EVENTS, REPLICA_SETS
from wherry.rollout.targets import parse as named

WEB = named("deployment/web")


# --- pure ---
def test_an_annotation_says_the_conditions() -> None:
    assert parse("true") == parse("") == Conditions()
    text = "on-stuck max-restarts=3 ready-ratio=80% probe=http://web/health settle=1m on-deadline=false 'query=http://prom up == 0'"
    assert parse(text) == Conditions(on_deadline=False, on_stuck=True, max_restarts=3, ready_ratio=0.8, probes=("http://web/health",),
                                     queries=(Query("http://prom", "up == 0"),), settle=60.0)


@pytest.mark.parametrize("text", ["nonsense", "max-restarts=many", "ready-ratio=2", "probe=web", "query=up", "settle=soon", "'",
                                  "failures=0"])
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(BadGuard):
        parse(text)


def seen(*, failed: str = "", ready: int = 4, restarts: int = 0, causes: tuple[Cause, ...] = ()) -> Snapshot:
    line = Line(2, "web-b", ("nginx:2",), True, 4, ready, 4 - ready, 0, restarts)
    return Snapshot("deployments/web", "", False, failed, 2, 4, 4, ready, (line,), None, causes, ())


def test_what_is_certain_counts_at_once() -> None:
    image = Cause("image", "web-b-x", "c", "ImagePullBackOff", 'image "x"', True)
    assert Judge(Conditions()).at_once(seen(failed="too late")) == "too late"
    assert Judge(Conditions(on_deadline=False)).at_once(seen(failed="too late")) == ""
    assert Judge(Conditions()).at_once(seen(causes=(image,))) == ""
    assert "ImagePullBackOff" in Judge(Conditions(on_stuck=True)).at_once(seen(causes=(image,)))
    assert Judge(Conditions(max_restarts=2)).at_once(seen(restarts=2)) == ""
    assert Judge(Conditions(max_restarts=2)).at_once(seen(restarts=3)) == "3 restarts, 2 allowed"


def test_a_ratio_counts_after_some_failures_in_a_row_and_only_once_it_was_reached() -> None:
    judge = Judge(Conditions(ready_ratio=0.75, failures=2))
    assert [judge.at_interval(seen(ready=n), []) for n in (0, 0, 0)] == ["", "", ""]
    assert [judge.at_interval(seen(ready=n), []) for n in (4, 2, 4, 2)] == ["", "", "", ""]
    assert judge.at_interval(seen(ready=2), []) == "ready pods: 2 of 4, at least 75% wanted, 2 times in a row"


def test_a_probe_that_works_again_begins_a_new_count() -> None:
    judge = Judge(Conditions(failures=2))
    said = [judge.at_interval(seen(), [("probe", trouble)]) for trouble in ("down", "", "down", "down")]
    assert said == ["", "", "", "probe: down, 2 times in a row"]


def test_probes_and_queries_are_judged_by_their_answers() -> None:
    answers = ((200, ""), (302, ""), (500, ""), (0, "refused"))
    assert [probe_trouble(*answer) for answer in answers] == ["", "", "HTTP status 500", "refused"]
    vector = '{"status":"success","data":{"resultType":"vector","result":[%s]}}'
    assert query_trouble(200, vector % "") == ""
    assert query_trouble(200, vector % '{"metric":{},"value":[1,"0.2"]}') == "gives 0.2"
    assert query_trouble(200, '{"data":{"resultType":"scalar","result":[1,"0"]}}') == ""
    assert query_trouble(503, "") is None
    assert query_trouble(200, "<html>") is None
    assert query("http://p:9090/ up == 0").url == "http://p:9090/api/v1/query?query=up%20%3D%3D%200"


# --- on a cluster ---
def on_a_cluster(work: Callable[[Any], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cluster(nodes=2, serve=False) as cluster:
            await asyncio.wait_for(work(cluster.client), 40)

    asyncio.run(whole())


async def set_image(client: Any, image: str, resource: Any = DEPLOYMENTS, name: str = "web") -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await client.patch(resource, "default", name, patch, STRATEGIC_PATCH)


async def image_of(client: Any) -> str:
    return str((await client.get(DEPLOYMENTS, "default", "web"))["spec"]["template"]["spec"]["containers"][0]["image"])


async def prepared(client: Any, **spec: Any) -> None:
    await client.create(DEPLOYMENTS, "default", deployment(**spec))
    await Rollout(client, "deployment/web").wait(10)


def guard(client: Any, conditions: Conditions, **more: Any) -> Guard:
    return Guard(client, WEB, "default", conditions, **more)


def test_a_rollout_whose_deadline_strikes_is_undone_and_says_so() -> None:
    async def work(client: Any) -> None:
        await prepared(client, progressDeadlineSeconds=1)
        await set_image(client, "nginx:999.0")
        outcome = await guard(client, Conditions()).run()
        assert (outcome.undone_to, outcome.reason) == (1, 'deployment "web" exceeded its progress deadline')
        assert await image_of(client) == "nginx:1"
        assert (await Rollout(client, "deployment/web").history())[-1].change_cause.startswith("undone by guard, from revision 2 to 1: ")
        told = (await client.list(EVENTS, "default", field_selector="reason=RolloutUndone")).items
        assert [event["message"] for event in told] == [f"Undone from revision 2 to 1: {outcome.reason}"]

    on_a_cluster(work)


def test_what_the_guard_wrote_is_not_the_cause_of_the_next_release() -> None:
    async def work(client: Any) -> None:
        await prepared(client)
        await client.create(STATEFUL_SETS, "default", {
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default"},
            "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "web"}}, "template": template()}})
        await Rollout(client, "sts/db").wait(20)
        for resource, name, shown in ((DEPLOYMENTS, "web", "deployment/web"), (STATEFUL_SETS, "db", "sts/db")):
            await set_image(client, "nginx:999.0", resource, name)
            outcome = await Guard(client, named(shown), "default", Conditions(on_stuck=True)).run()
            assert outcome.undone_to == 1, outcome
            await Rollout(client, shown).wait(20)
            await set_image(client, "nginx:2", resource, name)
            await Rollout(client, shown).wait(20)
            told = [revision.change_cause.partition(",")[0] for revision in await Rollout(client, shown).history()]
            assert told == ["", "undone by guard", ""], shown

    on_a_cluster(work)


async def silent(url: str) -> tuple[int, str]:
    return 0, "refused"


def test_a_query_without_an_answer_is_told_and_may_be_a_failure() -> None:
    async def work(client: Any) -> None:
        await prepared(client)
        asked = Conditions(queries=(query("http://prom up == 0"),))
        outcome = await guard(client, asked, fetch=silent).run()
        assert (outcome.ok, outcome.unanswered) == (True, ("up == 0",))
        outcome = await guard(client, replace(asked, require_answers=True), fetch=silent, dry_run=True).run()
        assert outcome.reason == "query up == 0: was never answered"
        many = replace(asked, require_answers=True, interval=0.05, failures=2, settle=5)
        assert (await guard(client, many, fetch=silent, dry_run=True).run()).reason == "query up == 0: gives no answer, 2 times in a row"

    on_a_cluster(work)


def test_a_stuck_rollout_goes_back_to_the_last_healthy_revision_and_not_to_the_broken_one_before() -> None:
    async def work(client: Any) -> None:
        await prepared(client)
        await set_image(client, "nginx:999.1")
        await set_image(client, "nginx:999.2")
        outcome = await guard(client, Conditions(on_stuck=True)).run()
        assert outcome.undone_to == 1
        assert await image_of(client) == "nginx:1"

    on_a_cluster(work)


def test_a_good_rollout_is_marked_and_left_alone() -> None:
    async def work(client: Any) -> None:
        await prepared(client)
        await set_image(client, "nginx:2")
        outcome = await guard(client, Conditions(on_stuck=True, max_restarts=0, ready_ratio=0.5, settle=0.2, interval=0.1)).run()
        assert outcome.ok
        marked = [rs for rs in (await client.list(REPLICA_SETS, "default")).items if HEALTHY in (rs["metadata"].get("annotations") or {})]
        assert [rs["spec"]["template"]["spec"]["containers"][0]["image"] for rs in marked] == ["nginx:2"]

    on_a_cluster(work)


def test_a_probe_that_fails_after_the_end_still_undoes() -> None:
    async def work(client: Any) -> None:
        await prepared(client)
        await set_image(client, "nginx:2")
        asked: list[str] = []

        async def fetch(url: str) -> Fetched:
            asked.append(url)
            return Fetched(500, "") if "query" not in url else Fetched(0, "nobody there")

        conditions = Conditions(probes=("http://web/",), queries=(Query("http://prom", "up == 0"),), failures=2, interval=0.05, settle=30)
        outcome = await guard(client, conditions, fetch=fetch).run()
        assert (outcome.undone_to, outcome.reason) == (1, "probe http://web/: HTTP status 500, 2 times in a row")
        assert "http://prom/api/v1/query?query=up%20%3D%3D%200" in asked

    on_a_cluster(work)


def test_a_dry_run_and_a_first_revision_are_not_undone() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment(image="nginx:999.0"))
        first = await guard(client, Conditions(on_stuck=True)).run()
        assert (first.undone_to, first.trouble) == (0, 'no rollout history found for deployment "web"')
        await set_image(client, "nginx:1")
        await Rollout(client, "deployment/web").wait(10)
        await set_image(client, "nginx:999.1")
        dry = await guard(client, Conditions(on_stuck=True), dry_run=True).run()
        assert (dry.undone_to, dry.trouble) == (0, "it would be undone to revision 2")
        assert await image_of(client) == "nginx:999.1"

    on_a_cluster(work)


async def until(client: Any, resource: Any, name: str, wanted: Callable[[Any], bool]) -> None:
    async for version in follow(client, resource, "default", name):
        if version is not None and wanted(version):
            return


def image(version: Any) -> str:
    return str(version["spec"]["template"]["spec"]["containers"][0]["image"])


def test_an_annotated_workload_is_guarded_by_the_cluster_and_its_undo_is_left_alone() -> None:
    async def work(client: Any) -> None:
        await prepared(client)
        await client.patch(DEPLOYMENTS, "default", "web", {"metadata": {"annotations": {GUARD: "on-stuck"}}}, MERGE_PATCH)
        for broken in ("nginx:999.0", "nginx:999.1"):
            await set_image(client, broken)
            await until(client, DEPLOYMENTS, "web", lambda version: image(version) == "nginx:1")
            assert (await Rollout(client, "deployment/web").wait(10)).done
        await set_image(client, "nginx:2")
        assert (await Rollout(client, "deployment/web").wait(10)).done
        assert await image_of(client) == "nginx:2"

    on_a_cluster(work)


def test_a_stateful_set_is_guarded_too() -> None:
    async def work(client: Any) -> None:
        body = {"apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {"name": "db", "namespace": "default", "annotations": {GUARD: "on-stuck"}},
                "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "web"}}, "template": template()}}
        await client.create(STATEFUL_SETS, "default", body)
        await Rollout(client, "sts/db").wait(20)
        await set_image(client, "nginx:999.0", STATEFUL_SETS, "db")
        await until(client, STATEFUL_SETS, "db", lambda version: image(version) == "nginx:1")
        assert (await Rollout(client, "sts/db").wait(20)).done  # the stuck pod is removed too

    on_a_cluster(work)


def test_conditions_that_cannot_be_read_become_an_event() -> None:
    async def work(client: Any) -> None:
        web = deployment()
        web["metadata"]["annotations"] = {GUARD: "nonsense"}
        await client.create(DEPLOYMENTS, "default", web)
        stream = client.watch(EVENTS, "default")
        async for batch in stream:
            if any(event.object.get("reason") == "GuardRefused" for event in batch):
                break
        await stream.aclose()

    on_a_cluster(work)


def test_a_cluster_may_be_told_not_to_heed_the_annotations() -> None:
    async def work() -> None:
        async with Cluster(nodes=0, serve=False, guards=False) as cluster:
            assert cluster.on_demand is not None
            await cluster.aclient.create(DEPLOYMENTS, "default", deployment())
            while "deployment-controller" not in cluster.on_demand.running:
                await cluster.clock.sleep(0.01)
            assert not {"guard-controller", "remember-controller"} & cluster.on_demand.running.keys()

    asyncio.run(work())
