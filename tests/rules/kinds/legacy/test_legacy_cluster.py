"""The API of the past over HTTP: there when it is asked for, not there otherwise; and Deployments that go back through it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from wherry.cluster.cluster import Cluster

Obj = dict[str, Any]
PATH = "/apis/extensions/v1beta1/namespaces/default/deployments"
MERGE = "application/merge-patch+json"


class Caller:
    def __init__(self, session: aiohttp.ClientSession, cluster: Cluster) -> None:
        self._session, self._base = session, f"http://127.0.0.1:{cluster.insecure_port}"

    async def call(self, method: str, path: str, body: Obj | None = None, content_type: str = "application/json") -> tuple[int, Any]:
        async with self._session.request(method, self._base + path, json=body, headers={"Content-Type": content_type}) as answer:
            return answer.status, await answer.json(content_type=None) if answer.content_type == "application/json" else await answer.text()


async def _until(check: Callable[[], Awaitable[Any]]) -> Any:
    while not (found := await check()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return found


def _with_cluster(test: Callable[[Caller], Awaitable[None]], *, legacy: bool) -> None:
    async def whole() -> None:
        async with Cluster(nodes=1, legacy_apis=legacy, insecure_port=0) as cluster, aiohttp.ClientSession() as session:
            await test(Caller(session, cluster))

    asyncio.run(whole())


def test_without_being_asked_for_the_old_versions_are_not_there() -> None:
    async def test(api: Caller) -> None:
        for path in (PATH, "/apis/extensions/v1beta1", "/apis/apps/v1beta1", "/apis/apps/v1beta2/deployments"):
            assert (await api.call("GET", path))[0] == 404
        groups = {g["name"]: g for g in (await api.call("GET", "/apis"))[1]["groups"]}
        assert "extensions" not in groups
        assert [v["version"] for v in groups["apps"]["versions"]] == ["v1"]

    _with_cluster(test, legacy=False)


def test_discovery_and_openapi_tell_of_them() -> None:
    async def test(api: Caller) -> None:
        groups = {g["name"]: [v["version"] for v in g["versions"]] for g in (await api.call("GET", "/apis"))[1]["groups"]}
        assert (groups["apps"], groups["extensions"]) == (["v1", "v1beta2", "v1beta1"], ["v1beta1"])
        resources = {r["name"]: r for r in (await api.call("GET", "/apis/extensions/v1beta1"))[1]["resources"]}
        assert (resources["deployments/rollback"]["kind"], resources["deployments/rollback"]["verbs"]) == ("DeploymentRollback", ["create"])
        assert resources["deployments/scale"]["kind"] == "Scale"
        assert "deployments/rollback" not in {r["name"] for r in (await api.call("GET", "/apis/apps/v1beta2"))[1]["resources"]}
        document = (await api.call("GET", "/openapi/v3/apis/extensions/v1beta1"))[1]
        assert "io.k8s.api.extensions.v1beta1.Deployment" in document["components"]["schemas"]

    _with_cluster(test, legacy=True)


def test_a_deployment_goes_back_and_tells_of_it() -> None:
    async def test(api: Caller) -> None:
        template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
        body = {"kind": "Deployment", "apiVersion": "extensions/v1beta1", "metadata": {"name": "d"}, "spec": {"template": template}}
        assert (await api.call("POST", PATH, body))[0] == 201

        async def runs(image: str) -> bool:
            found = (await api.call("GET", f"{PATH}/d"))[1]
            status, spec = found["status"], found["spec"]
            done = status.get("updatedReplicas") == status.get("availableReplicas") == status.get("replicas") == 1
            seen = status.get("observedGeneration") == found["metadata"]["generation"] and "rollbackTo" not in spec
            return bool(done and seen and spec["template"]["spec"]["containers"][0]["image"] == image)

        async def back(revision: int) -> None:
            answer = await api.call("POST", f"{PATH}/d/rollback", {"name": "d", "rollbackTo": {"revision": revision}})
            assert (answer[0], answer[1]["status"]) == (200, "Success")

        async def told(reason: str) -> str:
            events = (await api.call("GET", "/api/v1/namespaces/default/events"))[1]["items"]
            return next((str(e["message"]) for e in events if e["reason"] == reason), "")

        await _until(lambda: runs("i:1"))
        await back(0)
        assert await _until(lambda: told("DeploymentRollbackRevisionNotFound")) == "Unable to find last revision."
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}}
        assert (await api.call("PATCH", f"{PATH}/d", change, MERGE))[0] == 200
        await _until(lambda: runs("i:2"))
        await back(0)
        await _until(lambda: runs("i:1"))
        assert await _until(lambda: told("DeploymentRollback")) == 'Rolled back deployment "d" to revision 1'
        await back(3)
        text = 'The rollback revision contains the same template as current deployment "d"'
        assert await _until(lambda: told("DeploymentRollbackTemplateUnchanged")) == text

    _with_cluster(test, legacy=True)
