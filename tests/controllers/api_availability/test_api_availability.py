"""APIServices of other servers: what is told of them, and what their groups answer."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.http_server import world
from tests.worlds.registry import Cluster, play
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers.api_availability import APIAvailabilityController
from wherry.rules.schema.initial.api_availability import condition

API_SERVICES, SERVICES = resource("apiservices", "apiregistration.k8s.io"), resource("services")
NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"
SLICE: Obj = {"endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"name": "", "port": 8443}]}


def api_service(**more: Any) -> Obj:
    spec: Obj = {"group": "zz.test", "version": "v1", "groupPriorityMinimum": 10, "versionPriority": 10}
    spec["service"] = {"name": "a", "namespace": "default"}
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.zz.test"}, "spec": spec, **more}


def service(port: int = 443) -> Obj:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "default"},
            "spec": {"type": "ClusterIP", "ports": [{"port": port}]}}  # fmt: skip


def test_each_thing_that_lacks_has_its_reason() -> None:
    def said(of: Obj | None, *slices: Obj) -> tuple[str, str]:
        found = condition(api_service(), of, slices, NOW)
        assert (found["type"], found["status"], found["lastTransitionTime"]) == ("Available", "False", NOW)
        return found["reason"], found["message"]

    assert said(None) == ("ServiceNotFound", 'service/a in "default" is not present')
    assert said(service(80)) == ("ServicePortError", 'service/a in "default" is not listening on port 443')
    assert said(service()) == ("EndpointsNotFound", 'cannot find endpointslices for service/a in "default"')
    missing = 'endpointslices for service/a in "default" have no addresses with port name ""'
    assert said(service(), {**SLICE, "endpoints": []}) == ("MissingEndpoints", missing)
    unready = {"addresses": ["10.0.0.1"], "conditions": {"ready": False}}
    assert said(service(), {**SLICE, "endpoints": [unready]}) == ("MissingEndpoints", missing)
    assert said(service(), SLICE)[0] == "FailedDiscoveryCheck"


def test_since_when_it_is_so_stays_while_the_status_does() -> None:
    before = condition(api_service(), None, (), NOW)
    after = condition(api_service(status={"conditions": [before]}), service(), (), LATER)
    assert (after["reason"], after["lastTransitionTime"]) == ("EndpointsNotFound", NOW)


def test_the_condition_follows_the_service() -> None:
    async def story(cluster: Cluster) -> None:
        async def reason() -> str:
            await cluster.settle()
            found = await cluster.client.get(API_SERVICES, "", "v1.zz.test")
            return found["status"]["conditions"][0]["reason"]  # type: ignore[no-any-return]

        await cluster.client.create(API_SERVICES, "", api_service())
        assert await reason() == "ServiceNotFound"
        await cluster.client.create(SERVICES, "default", service())
        assert await reason() == "EndpointsNotFound"

    play(lambda parts: [APIAvailabilityController(parts)], story)


def test_its_group_is_unavailable_and_others_are_not_found() -> None:
    async def run() -> None:
        async with world() as made:
            await made.call("POST", "/apis/apiregistration.k8s.io/v1/apiservices", api_service())
            for path in ("/apis/zz.test/v1", "/apis/zz.test/v1/things", "/apis/zz.test/v1/namespaces/n/things/x"):
                answer = await made.call("GET", path)
                assert (answer.status, answer.body) == (503, b"service unavailable\n"), path
            assert (await made.call("GET", "/apis/zz.test/v2/things")).status == 404

    asyncio.run(run())
