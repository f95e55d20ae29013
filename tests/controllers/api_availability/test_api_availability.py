"""APIServices of other servers: what is told of them, and what their groups answer."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.http_server import world
from tests.worlds.registry import Cluster, play
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers.api_availability import APIAvailabilityController
from wherry.rules.schema.initial.api_availability import condition, missing

API_SERVICES, SERVICES = resource("apiservices", "apiregistration.k8s.io"), resource("services")
SLICES = resource("endpointslices", "discovery.k8s.io")
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
    def said(of: Obj | None, *slices: Obj) -> tuple[str, str] | None:
        return missing(api_service(), of, slices)

    assert said(None) == ("ServiceNotFound", 'service/a in "default" is not present')
    assert said(service(80)) == ("ServicePortError", 'service/a in "default" is not listening on port 443')
    assert said(service()) == ("EndpointsNotFound", 'cannot find endpointslices for service/a in "default"')
    lacking = 'endpointslices for service/a in "default" have no addresses with port name ""'
    assert said(service(), {**SLICE, "endpoints": []}) == ("MissingEndpoints", lacking)
    unready = {"addresses": ["10.0.0.1"], "conditions": {"ready": False}}
    assert said(service(), {**SLICE, "endpoints": [unready]}) == ("MissingEndpoints", lacking)
    assert said(service(), SLICE) is None


def test_since_when_it_is_so_stays_while_the_status_does() -> None:
    def then(before: Obj, *, answers: bool) -> tuple[str, str, str]:
        trouble = None if answers else missing(api_service(), service(), ())
        found = condition(api_service(status={"conditions": [before]}), trouble, LATER)
        return found["status"], found["reason"], found["lastTransitionTime"]

    before = condition(api_service(), missing(api_service(), None, ()), NOW)
    assert (before["type"], before["status"], before["lastTransitionTime"]) == ("Available", "False", NOW)
    assert then(before, answers=False) == ("False", "EndpointsNotFound", NOW)
    assert then(before, answers=True) == ("True", "Passed", LATER)


def test_the_condition_follows_the_service_and_its_servers_answers() -> None:
    answers = ["timed out", ""]

    async def ask(asked: Obj) -> str:
        return answers[0]

    async def story(cluster: Cluster) -> None:
        async def reason() -> str:
            await cluster.settle()
            found = await cluster.client.get(API_SERVICES, "", "v1.zz.test")
            said = found["status"]["conditions"][0]
            return f"{said['status']} {said['reason']}: {said['message']}"

        await cluster.client.create(API_SERVICES, "", api_service())
        assert (await reason()).startswith("False ServiceNotFound")
        await cluster.client.create(SERVICES, "default", service())
        assert (await reason()).startswith("False EndpointsNotFound")
        labels = {"kubernetes.io/service-name": "a"}
        await cluster.client.create(SLICES, "default", {"metadata": {"name": "a", "labels": labels}, "addressType": "IPv4", **SLICE})
        assert await reason() == "False FailedDiscoveryCheck: timed out"
        answers.pop(0)
        assert await reason() == "True Passed: all checks passed"
        answers.insert(0, "gone")
        await cluster.settle(30)
        assert await reason() == "False FailedDiscoveryCheck: gone"

    play(lambda parts: [APIAvailabilityController(parts, ask)], story)


def test_its_group_is_unavailable_and_others_are_not_found() -> None:
    async def run() -> None:
        async with world() as made:
            await made.call("POST", "/apis/apiregistration.k8s.io/v1/apiservices", api_service())
            for path in ("/apis/zz.test/v1", "/apis/zz.test/v1/things", "/apis/zz.test/v1/namespaces/n/things/x"):
                answer = await made.call("GET", path)
                assert (answer.status, answer.body) == (503, b"service unavailable\n"), path
            assert (await made.call("GET", "/apis/zz.test/v2/things")).status == 404

    asyncio.run(run())
