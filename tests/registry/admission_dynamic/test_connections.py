"""Policies and webhooks with the operation CONNECT: exec, attach, port-forward and proxies are asked about before they are made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.admission_dynamic.dynamic_world import World
from tests.registry.admission_dynamic.hook_server import HookServer, patching
from tests.registry.admission_dynamic.test_webhooks import MUTATING, VALIDATING, allow, configure, hooked
from wherry.api.errors import StatusError
from wherry.api.options import ADMIN, Target
from wherry.api.resources import resource
from wherry.server import connect_options, parameters

EXEC = Target(resource("pods"), "a", "p", "exec")
RULES = [{"operations": ["CONNECT"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/exec", "services/proxy"]}]


def options(target: Target, query: str = "", rest: str = "") -> dict[str, Any]:
    return connect_options.of(target, parameters.parse(query), rest)


def test_a_webhook_sees_the_options_of_a_connection() -> None:
    async def test(world: World, server: HookServer) -> None:
        await configure(world, VALIDATING, {**server.hook("/see", allow), "rules": RULES})
        await world.registry.connect(EXEC, options(EXEC, "command=ls&command=-l&stdin=true&container=c"), ADMIN)
        (review,) = server.asked
        request = review["request"]
        assert (request["operation"], request["subResource"], request["name"], request["namespace"]) == ("CONNECT", "exec", "p", "a")
        assert request["kind"] == {"group": "", "version": "v1", "kind": "PodExecOptions"}
        assert request["resource"] == {"group": "", "version": "v1", "resource": "pods"}
        expected = {"kind": "PodExecOptions", "apiVersion": "v1", "stdin": True, "container": "c", "command": ["ls", "-l"]}
        assert request["object"] == expected

    hooked(test)


def test_a_webhook_refuses_a_connection() -> None:
    def deny(request: dict[str, Any]) -> dict[str, Any]:
        return {"allowed": False, "status": {"message": "not here"}}

    async def test(world: World, server: HookServer) -> None:
        await configure(world, VALIDATING, {**server.hook("/deny", deny), "rules": RULES})
        with pytest.raises(StatusError, match=r'admission webhook ".*" denied the request: not here'):
            await world.registry.connect(EXEC, options(EXEC), ADMIN)
        attach = Target(resource("pods"), "a", "p", "attach")
        assert await world.registry.connect(attach, options(attach), ADMIN) == {"kind": "PodAttachOptions", "apiVersion": "v1"}

    hooked(test)


def test_a_webhook_changes_the_options_of_a_connection() -> None:
    async def test(world: World, server: HookServer) -> None:
        hook = server.hook("/change", patching({"op": "add", "path": "/container", "value": "other"}))
        await configure(world, MUTATING, {**hook, "rules": RULES})
        assert (await world.registry.connect(EXEC, options(EXEC), ADMIN))["container"] == "other"

    hooked(test)


def test_the_options_of_a_connection_come_from_the_query() -> None:
    ports, proxy = Target(resource("pods"), "a", "p", "portforward"), Target(resource("services"), "a", "s", "proxy")
    assert options(ports, "ports=80,81&ports=82") == {"kind": "PodPortForwardOptions", "apiVersion": "v1", "ports": [80, 81, 82]}
    assert options(proxy, rest="x/y") == {"kind": "ServiceProxyOptions", "apiVersion": "v1", "path": "/x/y"}
    with pytest.raises(StatusError, match="cannot convert to"):
        options(ports, "ports=http")
