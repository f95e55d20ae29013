"""The board and the page of one rollout, as their server tells them: everything at first, then what changed."""

from __future__ import annotations

from typing import Any

from tests.dashboard.opened import Visitor, on_a_dashboard
from tests.dashboard.test_who_looks import reader
from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, deployment, template
from wherry.api.options import MERGE_PATCH, STRATEGIC_PATCH
from wherry.rollout import Rollout
from wherry.rollout.targets import PODS

WEB = "/api/rollouts/default/deployments/web"


async def image(client: Any, image: str) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await client.patch(DEPLOYMENTS, "default", "web", patch, STRATEGIC_PATCH)


async def rolled_out(client: Any) -> None:
    await client.create(DEPLOYMENTS, "default", deployment())
    await Rollout(client, "deployment/web").wait(10)
    await image(client, "nginx:2")
    await Rollout(client, "deployment/web").wait(10)


def test_the_board_has_all_workloads_and_follows_them() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await rolled_out(cluster.client)
        await cluster.client.create(STATEFUL_SETS, "default", {
            "metadata": {"name": "db"}, "spec": {"serviceName": "db", "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
                                                 "template": template("db:1")}})  # fmt: skip
        await Rollout(cluster.client, "statefulset/db").wait(10)
        await visitor.enter()
        cards: dict[str, Any] = {}

        async def until(expected: Any) -> None:
            async for _, value in news:
                for id in value.get("gone", ()):
                    cards.pop(id, None)
                cards.update({card["id"]: card for card in value["cards"]})
                if expected():
                    return

        news = visitor.news("/api/board/news")
        first = {("web", "done", 3, 2), ("db", "done", 2, 1)}
        await until(lambda: {(c["name"], c["state"], c["ready"], c["revision"]) for c in cards.values()} == first)
        await image(cluster.client, "image.that/does-not-exist:1")
        await until(lambda: cards["default/deployments/web"]["state"] == "stuck")
        stuck = cards["default/deployments/web"]
        assert "ImagePullBackOff" in stuck["why"] or "ErrImagePull" in stuck["why"]
        assert [(line["ready"], line["starting"]) for line in stuck["revisions"]] == [(3, 0), (0, 1)]
        await cluster.client.delete(STATEFUL_SETS, "default", "db")
        await until(lambda: list(cards) == ["default/deployments/web"])
        await news.aclose()

    on_a_dashboard(work)


def test_a_rollout_has_its_revisions_pods_and_events() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await rolled_out(cluster.client)
        await visitor.enter()
        news = visitor.news(WEB + "/news")
        kind, value = await anext(news)
        await news.aclose()
        shown = value["rollout"]
        assert (kind, shown["card"]["state"], shown["last_healthy"], shown["containers"]) == ("rollout", "done", 2, ["c"])
        newest, before = shown["revisions"]
        assert (newest["number"], newest["newest"], newest["healthy"], newest["images"]) == (2, True, True, ["nginx:2"])
        assert (before["number"], before["newest"], before["images"]) == (1, False, ["nginx:1"])
        assert [(d["path"], d["old"], d["new"]) for d in newest["changed"]] == [("spec.containers[c].image", "nginx:1", "nginx:2")]
        assert [(pod["revision"], pod["ready"], pod["state"], pod["why"]) for pod in shown["pods"]] == [(2, "1/1", "Running", "")] * 3
        assert any(event["reason"] == "ScalingReplicaSet" for event in shown["events"])
        assert value["samples"][-1]["new"] == 3

    on_a_dashboard(work)


def test_a_rollout_that_is_not_there_is_said() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await visitor.enter()
        kind, text = await anext(visitor.news("/api/rollouts/default/deployments/none/news"))
        assert (kind, text) == ("gone", 'deployments.apps "none" not found')
        answer = await visitor.get("/api/rollouts/default/jobs/none/difference?old=1&new=2", 422)
        assert "cannot be rolled out" in answer["message"]

    on_a_dashboard(work)


def test_two_revisions_are_shown_beside_each_other() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await rolled_out(cluster.client)
        await visitor.enter()
        found = await visitor.get(WEB + "/difference?old=1&new=2")
        assert [d["path"] for d in found["paths"]] == ["spec.containers[c].image"]
        changed = [(line["old"], line["new"]) for line in found["lines"] if line["kind"] == "changed"]
        assert changed == [("  - image: nginx:1", "  - image: nginx:2")]
        assert (await visitor.get(WEB + "/difference?old=1&new=9", 422))["message"] == "unable to find specified revision 9 in history"
        assert (await visitor.get(WEB + "/difference?old=x&new=9", 400))["reason"] == "BadRequest"

    on_a_dashboard(work)


def test_logs_come_as_text_and_a_terminal_of_a_simulated_pod_is_refused_in_words() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await rolled_out(cluster.client)
        await visitor.enter()
        pod = (await cluster.client.list(PODS, "default")).items[0]["metadata"]["name"]
        assert "simulated" in await visitor.get(f"/api/pods/default/{pod}/log?container=c")
        refusal = await visitor.get(f"/api/pods/default/{pod}/log?container=none", 400)
        assert refusal["message"] == f"container none is not valid for pod {pod}"
        assert "refused a terminal: 501" in (await visitor.get(f"/api/pods/default/{pod}/terminal?container=c", 502))["message"]

    on_a_dashboard(work)


def test_what_may_not_be_read_is_said_on_the_board() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        """An account that may read Deployments and nothing of what belongs to them."""
        token = await reader(cluster.client, ["deployments"])
        board = {}
        await visitor.enter(token=token)
        while not board.get("trouble"):
            board = await visitor.get("/api/board")
        assert any("pods is forbidden" in line for line in board["trouble"])

    on_a_dashboard(work, by_token=True)


def test_the_board_stops_also_while_news_come() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", deployment())
        await visitor.enter()
        for value in "abc":
            await cluster.client.patch(DEPLOYMENTS, "default", "web", {"metadata": {"labels": {"a": value}}}, MERGE_PATCH)

    for _ in range(3):
        on_a_dashboard(work)
