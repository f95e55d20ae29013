"""Who sees the page and who changes something: links that work once, tokens of the cluster with their holder's rights, no other page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.dashboard.opened import Visitor, on_a_dashboard, visiting
from tests.rollout.workloads import DEPLOYMENTS, deployment
from wherry.api.resources import resource
from wherry.client.access import Access
from wherry.dashboard.serving import CannotServe, Dashboard, Settings

ACCOUNTS, ROLES, BINDINGS = (
    resource("serviceaccounts"),
    resource("clusterroles", "rbac.authorization.k8s.io"),
    resource("clusterrolebindings", "rbac.authorization.k8s.io"),
)
WEB = "/api/rollouts/default/deployments/web"


async def reader(client: Any, resources: Sequence[str] = ("*",)) -> str:
    """The token of an account that may read these and change nothing."""
    await client.create(ACCOUNTS, "default", {"metadata": {"name": "reader"}})
    rules = [{"apiGroups": ["*"], "resources": list(resources), "verbs": ["get", "list", "watch"]}]
    await client.create(ROLES, "", {"metadata": {"name": "reader"}, "rules": rules})
    await client.create(BINDINGS, "", {
        "metadata": {"name": "reader"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}]})  # fmt: skip
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": None}}
    return str((await client.create(ACCOUNTS, "default", review, name="reader", subresource="token"))["status"]["token"])


def test_without_a_session_nothing_is_shown() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        assert (await visitor.get("/api/way-in"))["user"] is None
        for path in ("/api/board", "/api/board/news", WEB + "/news", "/api/pods/default/p/log"):
            assert (await visitor.get(path, 401))["reason"] == "Unauthorized"
        assert "<main" in await visitor.get("/")
        assert await visitor.get("/healthz") == "ok"

    on_a_dashboard(work)


def test_a_link_opens_once() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        used = visitor.dashboard.link.partition("#key=")[2]
        assert await visitor.enter() == "admin"
        assert visitor.dashboard.link.partition("#key=")[2] != used
        async with visiting(visitor.dashboard) as other:
            assert "used already" in (await other.post("/api/login", {"key": used}, 401))["message"]
            await other.get("/api/board", 401)

    on_a_dashboard(work)


def test_a_change_needs_the_sessions_token_and_our_own_page() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", deployment())
        await visitor.enter()
        for headers in ({"X-CSRF-Token": "guessed"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await visitor.post(WEB + "/pause", {}, 403, **headers))["reason"] == "Forbidden"
        assert (await visitor.post(WEB + "/pause", {}, 421, Host="evil.example"))["reason"] == "MisdirectedRequest"
        assert not (await cluster.client.get(DEPLOYMENTS, "default", "web"))["spec"].get("paused")
        await visitor.post(WEB + "/pause", {})
        assert (await cluster.client.get(DEPLOYMENTS, "default", "web"))["spec"]["paused"]

    on_a_dashboard(work)


def test_the_browser_is_told_to_keep_others_out() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        for path in ("/", "/static/app.js", "/api/board"):
            async with visitor.session.get(visitor.base + path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert (answer.headers["X-Frame-Options"], answer.headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
        async with visitor.session.post(visitor.base + "/api/login", json={"key": visitor.dashboard.link.partition("#key=")[2]}) as answer:
            cookie = answer.cookies["wherry-session"]
            assert cookie["httponly"]
            assert cookie["samesite"] == "Strict"

    on_a_dashboard(work)


def test_with_a_token_one_sees_and_does_what_its_holder_may() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", deployment())
        token = await reader(cluster.client)
        assert (await visitor.post("/api/login", {"token": "nonsense"}, 401))["reason"] == "Unauthorized"
        assert await visitor.enter(token=token) == "system:serviceaccount:default:reader"
        assert [card["name"] for card in (await visitor.get("/api/board"))["cards"]] == ["web"]
        rights = await visitor.get(WEB + "/rights")
        assert (rights["undo"]["allowed"], rights["logs"]["allowed"], rights["exec"]["allowed"]) == (False, True, False)
        refusal = await visitor.post(WEB + "/restart", {}, 403)
        assert 'User "system:serviceaccount:default:reader" cannot patch resource "deployments"' in refusal["message"]

    on_a_dashboard(work, by_token=True)


def test_signing_out_ends_the_session() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        await visitor.enter()
        await visitor.post("/api/logout", {})
        await visitor.get("/api/board", 401)

    on_a_dashboard(work)


def test_on_another_address_than_loopback_viewers_must_sign_in() -> None:
    with pytest.raises(CannotServe, match=r"0\.0\.0\.0 can be reached from other machines"):
        Dashboard(Access(), Settings("0.0.0.0"))


def test_a_port_in_use_is_said() -> None:
    async def work(cluster: Any, visitor: Visitor) -> None:
        taken = Settings(port=visitor.dashboard.port)
        with pytest.raises(CannotServe, match="is in use: give another with --port"):
            async with Dashboard(Access(cluster.url, insecure=True), taken):
                raise AssertionError("it started")

    on_a_dashboard(work)
