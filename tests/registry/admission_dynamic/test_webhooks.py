"""Webhooks on loopback change and refuse writes, and fail as their configuration says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.registry.admission_dynamic.dynamic_world import GROUP, World, config_map, run
from tests.registry.admission_dynamic.hook_server import HookServer, bundle, hook_server, patching
from wherry.api.errors import StatusError
from wherry.registry.encode import encode
from wherry.registry.request import AUDITED

MUTATING, VALIDATING = f"mutatingwebhookconfigurations.{GROUP}", f"validatingwebhookconfigurations.{GROUP}"


def hooked(test: Callable[[World, HookServer], Awaitable[None]]) -> None:
    async def whole(world: World) -> None:
        async with hook_server() as server:
            world.registry.outside.call = server.caller
            await test(world, server)

    run(whole)


async def configure(world: World, plural: str, *hooks: dict[str, Any], name: str = "hooks") -> None:
    await world.create(plural, {"metadata": {"name": name}, "webhooks": list(hooks)})


def allow(request: dict[str, Any]) -> dict[str, Any]:
    return {"allowed": True}


def test_a_review_says_everything_about_the_write() -> None:
    async def test(world: World, server: HookServer) -> None:
        await configure(world, VALIDATING, server.hook("/see", allow))
        await world.create("configmaps", config_map(a="1"))
        (review,) = server.asked
        request = review["request"]
        assert (review["kind"], review["apiVersion"]) == ("AdmissionReview", "admission.k8s.io/v1")
        assert request["kind"] == request["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
        assert request["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
        assert (request["name"], request["namespace"], request["operation"], request["dryRun"]) == ("c", "a", "CREATE", False)
        assert request["userInfo"]["username"] == "admin"
        assert request["options"] == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "tester"}
        assert request["object"]["data"] == {"a": "1"}
        assert request["object"]["metadata"]["uid"]
        assert request["oldObject"] is None

    hooked(test)


def test_patches_are_applied_one_after_the_other() -> None:
    async def test(world: World, server: HookServer) -> None:
        first = server.hook("/first", patching({"op": "add", "path": "/data/b", "value": "2"}))
        second = server.hook("/second", patching({"op": "replace", "path": "/data/b", "value": "3"}))
        await configure(world, MUTATING, first, second)
        assert (await world.create("configmaps", config_map(a="1")))["data"] == {"a": "1", "b": "3"}

    hooked(test)


def test_a_hook_is_asked_again_after_a_later_one_changed_the_object() -> None:
    async def test(world: World, server: HookServer) -> None:
        count = server.hook("/count", allow, reinvocationPolicy="IfNeeded")
        await configure(world, MUTATING, count, server.hook("/add", patching({"op": "add", "path": "/data/b", "value": "2"})))
        await world.create("configmaps", config_map(a="1"))
        assert [len(r["request"]["object"]["data"]) for r in server.asked] == [1, 1, 2]

    hooked(test)


@pytest.mark.parametrize(
    ("status", "message", "code", "reason"),
    [
        ({"message": "not today"}, 'admission webhook "no.hooks.example" denied the request: not today', 400, None),
        ({"code": 403, "reason": "Forbidden"}, 'admission webhook "no.hooks.example" denied the request: Forbidden', 403, "Forbidden"),
        ({}, 'admission webhook "no.hooks.example" denied the request without explanation', 400, None),
    ],
)
@pytest.mark.parametrize("plural", [MUTATING, VALIDATING])
def test_a_refusal_is_passed_on(plural: str, status: dict[str, Any], message: str, code: int, reason: str | None) -> None:
    async def test(world: World, server: HookServer) -> None:
        await configure(world, plural, server.hook("/no", lambda request: {"allowed": False, "status": status}))
        answer = await world.refused("configmaps", config_map())
        assert (answer["message"], answer["code"], answer.get("reason")) == (message, code, reason)

    hooked(test)


def test_warnings_and_annotations_are_kept() -> None:
    async def test(world: World, server: HookServer) -> None:
        answer = {"allowed": True, "warnings": ["old"], "auditAnnotations": {"k": "v"}}
        await configure(world, VALIDATING, server.hook("/w", lambda request: answer))
        audited: dict[str, str] = {}
        AUDITED.set(audited)
        written = await world.written("configmaps", config_map())
        assert written.warnings == ("old",)
        assert audited == {"w.hooks.example/k": "v"}
        answer["allowed"] = False
        with pytest.raises(StatusError) as refused:
            await world.written("configmaps", config_map("bad"))
        assert refused.value.warnings == ("old",)

    hooked(test)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda r: {"status_code": 500}, 'an error on the server ("broken") has prevented the request from succeeding'),
        (lambda r: {"allowed": True, "uid": "other"}, 'received invalid webhook response: expected response.uid="'),
        (lambda r: {"allowed": True, "patchType": "JSONPatch"}, "webhook returned response.patchType but not response.patch"),
        (lambda r: {"allowed": True, "patchType": "Merge", "patch": "W10="}, 'unsupported patch type "Merge"'),
    ],
)
def test_a_failure_refuses_or_is_ignored_as_the_hook_says(answer: Callable[[Any], Any], text: str) -> None:
    async def test(world: World, server: HookServer) -> None:
        await configure(world, MUTATING, server.hook("/bad", answer))
        status = await world.refused("configmaps", config_map())
        assert (status["code"], status["reason"]) == (500, "InternalError")
        assert status["message"].startswith('Internal error occurred: failed calling webhook "bad.hooks.example": ')
        assert text in status["message"]
        await world.patch(MUTATING, "hooks", {"webhooks": [server.hook("/bad", answer, failurePolicy="Ignore")]})
        await world.create("configmaps", config_map())

    hooked(test)


def test_nobody_there_a_wrong_certificate_and_no_answer_in_time() -> None:
    async def test(world: World, server: HookServer) -> None:
        hook = server.hook("/x", allow, timeoutSeconds=1)
        nobody = {**hook, "clientConfig": {"url": "https://127.0.0.1:1/x", "caBundle": bundle()}}
        await configure(world, VALIDATING, nobody)
        status = await world.refused("configmaps", config_map())
        assert status["message"].endswith(
            'failed to call webhook: Post "https://127.0.0.1:1/x?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused'
        )
        untrusted = {**hook, "clientConfig": {"url": server.client("/x")["url"]}}
        await world.patch(VALIDATING, "hooks", {"webhooks": [untrusted]})
        status = await world.refused("configmaps", config_map())
        assert status["message"].endswith("tls: failed to verify certificate: x509: certificate signed by unknown authority")

        connections: list[asyncio.StreamWriter] = []
        silent = await asyncio.start_server(lambda reader, writer: connections.append(writer), "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        await world.patch(VALIDATING, "hooks", {"webhooks": [{**hook, "clientConfig": {"url": f"https://127.0.0.1:{port}/x"}}]})
        status = await world.refused("configmaps", config_map())
        assert status["message"].endswith(f'Post "https://127.0.0.1:{port}/x?timeout=1s": context deadline exceeded')
        for connection in connections:
            connection.close()
        silent.close()

    hooked(test)


def test_a_service_is_called_at_its_endpoints() -> None:
    async def test(world: World, server: HookServer) -> None:
        hook = server.hook("/svc", allow)
        hook["clientConfig"] = {"service": {"namespace": "a", "name": "hook", "path": "/svc"}, "caBundle": bundle()}
        await configure(world, VALIDATING, hook)
        status = await world.refused("configmaps", config_map())
        assert status["message"].endswith('Post "https://hook.a.svc:443/svc?timeout=10s": service "hook" not found')
        await world.create("services", {"metadata": {"name": "hook"}, "spec": {"ports": [{"port": 443, "targetPort": server.port}]}})
        status = await world.refused("configmaps", config_map())
        assert status["message"].endswith('no endpoints available for service "hook"')
        endpoints = {
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
            "metadata": {"name": "hook-1", "namespace": "a", "labels": {"kubernetes.io/service-name": "hook"}},
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}], "ports": [{"name": "", "port": server.port}],
        }  # fmt: skip
        # as a node writes the address of a pod that shares this machine's network; the API takes it from nobody else
        await world.registry.store.put("endpointslices.discovery.k8s.io/a/hook-1", encode(endpoints))
        await world.create("configmaps", config_map())
        assert len(server.asked) == 1

    hooked(test)


def test_an_external_name_is_called_by_the_service_s_certificate() -> None:
    async def test(world: World, server: HookServer) -> None:
        hook = server.hook("/svc", allow)
        service = {"namespace": "a", "name": "hook", "path": "/svc", "port": server.port}
        await configure(world, VALIDATING, {**hook, "clientConfig": {"service": service, "caBundle": bundle()}})
        await world.create("services", {"metadata": {"name": "hook"}, "spec": {"type": "ExternalName", "externalName": "localhost"}})
        await world.create("configmaps", config_map())
        assert len(server.asked) == 1

    hooked(test)


def test_dry_runs_reach_only_hooks_without_side_effects() -> None:
    async def test(world: World, server: HookServer) -> None:
        await configure(world, VALIDATING, server.hook("/dry", allow))
        await world.written("configmaps", config_map(), dry_run=True)
        assert server.asked[-1]["request"]["dryRun"] is True
        assert server.asked[-1]["request"]["options"]["dryRun"] == ["All"]

    hooked(test)


def test_selectors_and_conditions_spare_a_hook() -> None:
    async def test(world: World, server: HookServer) -> None:
        no = {"allowed": False}
        await configure(
            world, VALIDATING,
            server.hook("/there", lambda r: no, namespaceSelector={"matchLabels": {"env": "prod"}}),
            server.hook("/mine", lambda r: no, objectSelector={"matchLabels": {"owner": "me"}}),
            server.hook("/never", lambda r: no, matchConditions=[{"name": "n", "expression": "request.name == 'other'"}]),
        )  # fmt: skip
        await world.create("configmaps", config_map())
        assert server.asked == []

    hooked(test)


def test_the_older_review_is_spoken_when_asked_for() -> None:
    async def test(world: World, server: HookServer) -> None:
        await configure(world, VALIDATING, server.hook("/old", allow, admissionReviewVersions=["v1beta1", "v1"]))
        await world.create("configmaps", config_map())
        assert server.asked[0]["apiVersion"] == "admission.k8s.io/v1beta1"

    hooked(test)
