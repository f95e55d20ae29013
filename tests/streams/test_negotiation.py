"""Which protocol a client gets, what is refused before the switch, and what older versions say at the end."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest
import yaml

from tests.streams.conftest import World

# what aiohttp's client leaves of TLS connections is collected here: its affair, not ours
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
EXEC = "/api/v1/namespaces/default/pods/web/exec?command=sh&command=-c&command=%s&stdout=true&stderr=true"
FORWARD = "/api/v1/namespaces/default/pods/web/portforward"
SPDY = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}


def token(world: World) -> str:
    (user,) = yaml.safe_load(world.kubeconfig.read_text())["users"]
    return str(user["user"]["token"])


def asked(world: World, test: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
    async def run() -> None:
        headers = {"Authorization": f"Bearer {token(world)}"}
        connector = aiohttp.TCPConnector(ssl=False)
        async with aiohttp.ClientSession(world.cluster.url, headers=headers, connector=connector) as session:
            await test(session)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "headers", "code", "message"),
    [
        (EXEC % "true", {}, 400, "Upgrade request required"),
        (FORWARD, {}, 400, "Upgrade request required"),
        (EXEC % "true", SPDY, 400, "unable to upgrade: header X-Stream-Protocol-Version does not exist in request"),
        (EXEC % "true", {**SPDY, "X-Stream-Protocol-Version": "v9.channel.k8s.io"}, 403, "client supports [v9.channel.k8s.io]"),
        (FORWARD, {**SPDY, "X-Stream-Protocol-Version": "v4.channel.k8s.io"}, 403, "server accepts [portforward.k8s.io]"),
        ((EXEC % "true").partition("&stdout")[0], SPDY, 400, "you must specify at least 1 of stdin, stdout, stderr"),
        ((EXEC % "true").replace("web", "nobody"), SPDY, 404, 'pods "nobody" not found'),
        ((EXEC % "true") + "&container=x", SPDY, 400, "container x is not valid for pod web"),
    ],
)
def test_what_cannot_become_a_session_is_refused(world: World, path: str, headers: Mapping[str, str], code: int, message: str) -> None:
    async def test(session: aiohttp.ClientSession) -> None:
        async with session.post(path, headers=headers) as answer:
            status = json.loads(await answer.read())
            assert (answer.status, status["code"]) == (code, code)
            assert message in status["message"]

    asked(world, test)


def test_a_websocket_with_a_protocol_that_nobody_knows_is_refused(world: World) -> None:
    async def test(session: aiohttp.ClientSession) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(EXEC % "true", protocols=("v9.channel.k8s.io",))
        assert refused.value.status == 403

    asked(world, test)


async def talk(session: aiohttp.ClientSession, script: str, protocol: str) -> list[bytes | str]:
    messages: list[bytes | str] = []
    async with session.ws_connect(EXEC % script, protocols=(protocol,) if protocol else ()) as socket:
        assert (socket.protocol or "") == protocol
        async for message in socket:
            messages.append(message.data)
    return messages


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_the_end_is_a_status(world: World, protocol: str) -> None:
    async def test(session: aiohttp.ClientSession) -> None:
        first, *others = await talk(session, "echo hi; exit 3", protocol)
        assert (first, others[0]) == (b"\1", b"\1hi\n")
        status: dict[str, Any] = json.loads(others[1][1:])
        assert (others[1][:1], status["reason"], status["details"]["causes"][0]["message"]) == (b"\3", "NonZeroExitCode", "3")
        assert (await talk(session, "true", protocol))[1:] == [b'\3{"metadata":{},"status":"Success"}']

    asked(world, test)


@pytest.mark.parametrize("protocol", ["channel.k8s.io", ""])
def test_before_version_four_the_end_is_a_text_and_nothing_for_success(world: World, protocol: str) -> None:
    async def test(session: aiohttp.ClientSession) -> None:
        assert await talk(session, "true", protocol) == [b"\1"]
        text = b"\3command terminated with non-zero exit code: exit status 3"
        assert await talk(session, "exit 3", protocol) == [b"\1", text]

    asked(world, test)


def test_base64_protocols_say_everything_in_text(world: World) -> None:
    async def test(session: aiohttp.ClientSession) -> None:
        first, said, end = await talk(session, "echo hi", "v4.base64.channel.k8s.io")
        assert (first, said) == ("1", "1" + base64.b64encode(b"hi\n").decode())
        assert isinstance(end, str)
        assert json.loads(base64.b64decode(end[1:])) == {"metadata": {}, "status": "Success"}

    asked(world, test)


def test_a_client_that_goes_ends_the_program(world: World) -> None:
    async def test(session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(EXEC % "echo here; sleep 1000", protocols=("v4.channel.k8s.io",)) as socket:
            await socket.receive()
            assert (await socket.receive()).data == b"\1here\n"

    asked(world, test)
    world.sessions.until(lambda: world.sessions.opened == world.sessions.closed)


def test_output_that_nobody_takes_holds_up_the_program(world: World) -> None:
    """The server keeps a bounded part of it, and goes on with other requests."""

    async def test(session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(EXEC % "yes", protocols=("v4.channel.k8s.io",)), session.get("/readyz") as answer:
            assert answer.status == 200

    asked(world, test)


@pytest.mark.parametrize("protocol", ["binary.k8s.io", "base64.binary.k8s.io", ""])
def test_a_log_is_read_over_a_websocket(world: World, protocol: str) -> None:
    path = "/api/v1/namespaces/default/pods/web/log"

    async def test(session: aiohttp.ClientSession) -> None:
        async with session.get(path) as answer:
            whole = await answer.text()
        assert "simulated" in whole
        async with session.ws_connect(path, protocols=(protocol,) if protocol else ()) as socket:
            assert (socket.protocol or "") == protocol
            first, *others = [message.data async for message in socket]
        assert not first, "so that a client sees that it is there"
        if protocol.startswith("base64"):
            others = [base64.b64decode(each) for each in others]
        assert b"".join(others).decode() == whole

    asked(world, test)


def test_a_log_speaks_no_other_protocol(world: World) -> None:
    async def test(session: aiohttp.ClientSession) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect("/api/v1/namespaces/default/pods/web/log", protocols=("v5.channel.k8s.io",))
        assert refused.value.status == 403

    asked(world, test)
