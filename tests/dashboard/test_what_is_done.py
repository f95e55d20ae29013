"""The page's buttons: each tried as a dry run that says what would change, then done with the traces that kubectl leaves."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.dashboard.opened import Visitor, on_a_dashboard
from tests.dashboard.test_what_is_shown import WEB, rolled_out
from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, template
from wherry.rollout import Rollout, Steps


async def now(cluster: Any) -> Any:
    return await cluster.client.get(DEPLOYMENTS, "default", "web")


def managers(obj: Any) -> set[str]:
    return {entry["manager"] for entry in obj["metadata"]["managedFields"]}


def test_an_undo_is_tried_and_then_done() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await rolled_out(cluster.client)
        await visitor.enter()
        tried = await visitor.post(WEB + "/undo", {"dryRun": True, "revision": 1})
        assert [(d["path"], d["old"], d["new"]) for d in tried["differences"]] == [("spec.containers[c].image", "nginx:2", "nginx:1")]
        assert (await now(cluster))["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
        done = await visitor.post(WEB + "/undo", {"revision": 1, "cause": "2 is slow"})
        assert done["revision"] == 1
        after = await now(cluster)
        assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"
        assert after["metadata"]["annotations"]["kubernetes.io/change-cause"] == "2 is slow"
        await Rollout(cluster.client, "deployment/web").wait(10)
        assert (await visitor.post(WEB + "/undo", {"revision": -1}, 422))["message"].startswith("that is the template already")
        assert (await visitor.post(WEB + "/undo", {"revision": 9}, 422))["message"] == "unable to find specified revision 9 in history"

    on_a_dashboard(work)


def test_pause_resume_restart_scale_and_images() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await rolled_out(cluster.client)
        await visitor.enter()
        assert (await visitor.post(WEB + "/pause", {"dryRun": True}))["fields"] == [["paused", None, True]]
        await visitor.post(WEB + "/pause", {})
        assert (await visitor.post(WEB + "/pause", {}, 422))["message"] == "is already paused"
        assert "can't restart paused deployment" in (await visitor.post(WEB + "/restart", {}, 422))["message"]
        await visitor.post(WEB + "/resume", {})
        assert (await visitor.post(WEB + "/scale", {"replicas": 5, "dryRun": True}))["fields"] == [["replicas", 3, 5]]
        await visitor.post(WEB + "/scale", {"replicas": 5})
        assert (await visitor.post(WEB + "/scale", {"replicas": -1}, 422))["message"] == "the number of replicas must not be negative"
        assert (await visitor.post(WEB + "/image", {"images": {"d": "x"}}, 422))["message"] == 'unable to find container named "d"'
        await visitor.post(WEB + "/image", {"images": {"c": "nginx:3"}, "cause": "three"})
        await visitor.post(WEB + "/restart", {})
        after = await now(cluster)
        assert (after["spec"]["replicas"], after["spec"]["template"]["spec"]["containers"][0]["image"]) == (5, "nginx:3")
        assert {"kubectl-rollout", "kubectl-set"} <= managers(after)
        assert after["metadata"]["annotations"]["kubernetes.io/change-cause"] == "three"

    on_a_dashboard(work)


def test_a_stateful_set_is_paused_by_its_partition() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await cluster.client.create(STATEFUL_SETS, "default", {
            "metadata": {"name": "db"}, "spec": {"serviceName": "db", "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
                                                 "template": template("db:1")}})  # fmt: skip
        await visitor.enter()
        path = "/api/rollouts/default/statefulsets/db"
        await visitor.post(path + "/pause", {})
        paused = await cluster.client.get(STATEFUL_SETS, "default", "db")
        assert paused["spec"]["updateStrategy"]["rollingUpdate"]["partition"] == 2**31 - 1
        await visitor.post(path + "/resume", {})
        resumed = await cluster.client.get(STATEFUL_SETS, "default", "db")
        assert resumed["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}

    on_a_dashboard(work)


def test_what_makes_no_sense_is_refused_in_words() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await rolled_out(cluster.client)
        await visitor.enter()
        assert (await visitor.post(WEB + "/explode", {}, 404))["message"].startswith("there is no action explode: undo, pause")
        assert (await visitor.post(WEB + "/undo", {"revision": "two"}, 400))["reason"] == "BadRequest"
        assert (await visitor.post(WEB + "/undo", [1], 400))["reason"] == "BadRequest"
        assert (await visitor.post("/api/rollouts/default/deployments/none/undo", {}, 404))["reason"] == "NotFound"

    on_a_dashboard(work)


def test_a_rollout_in_steps_is_shown_and_steered() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await rolled_out(cluster.client)
        await visitor.enter()
        steps = Steps(cluster.client, "deployment/web")
        await steps.begin("50%, pause, 100%", images={"c": "nginx:3"})
        driving = asyncio.create_task(steps.run())
        news = visitor.news(WEB + "/news")
        async for _, value in news:
            shown = value["rollout"]["steps"]
            if shown and shown["phase"] == "paused":
                break
        await news.aclose()
        assert (shown["steps"], shown["step"], shown["new"]) == (["50%", "pause", "100%"], 2, 1)
        # the board looks for itself, some milliseconds after the news
        board = visitor.news("/api/board/news")
        async for _, value in board:
            if any(card["step"].startswith("step 2 of 3 (pause): paused") for card in value["cards"]):
                break
        await board.aclose()
        assert (await visitor.post(WEB + "/steps/explode", {}, 404))["message"].startswith("there is no way explode to steer: promote")
        await visitor.post(WEB + "/steps/promote", {})
        assert (await driving).phase == "done"
        assert "message" in await visitor.post(WEB + "/steps/promote", {}, 422)

    on_a_dashboard(work)
