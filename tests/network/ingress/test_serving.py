"""Ingresses in front of pods that run programs: hosts, paths, bodies, other protocols, and what is said when nobody answers."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.worlds.ingress import INGRESSES, World, ingress, world
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource

pytestmark = pytest.mark.real_nodes


async def _raw(port: int, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    return reader, writer


async def _headers(at: World) -> None:
    code, text = await at.get("web.example", "/a/b%20c?d=e", headers={"X-Forwarded-For": "10.1.1.1", "X-Own": "1", "Connection": "X-Own"})
    said = json.loads(text)
    seen = {name.lower(): value for name, value in said["headers"]}
    assert code == 200
    assert said["path"] == "/a/b%20c?d=e"
    assert seen["host"] == "web.example"
    assert seen["x-forwarded-for"] == seen["x-real-ip"] == "127.0.0.1"
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("http", str(await at.served()))
    assert "x-own" not in seen
    async with at.session.head(f"http://127.0.0.1:{await at.served()}/", headers={"Host": "web.example"}) as answer:
        assert answer.status == 200
        assert answer.headers.getall("X-Twice") == ["a", "b"]
        assert int(answer.headers["Content-Length"]) > 0


async def _bodies(at: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 65536

    for data, length in ((io.BytesIO(b"y" * 5_000_000), 5_000_000), (pieces(), 64 * 65536), (b"", 0)):
        _, text = await at.get("web.example", "/up", "POST", data=data)
        assert json.loads(text)["length"] == length
    _, text = await at.get("web.example", "/up", "PUT", data=b"abc", expect100=True)
    assert json.loads(text)["length"] == 3


async def _streams(at: World) -> None:
    port = await at.served()
    async with at.session.get(f"http://127.0.0.1:{port}/slow", headers={"Host": "web.example"}) as answer:
        first = await answer.content.readany()
        assert first == b"0\n", "the answer comes as a whole, not as it is made"
        assert await answer.content.read() == b"1\n2\n3\n4\n"
    reader, writer = await _raw(port, b"GET /broken HTTP/1.1\r\nHost: web.example\r\n\r\n")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readuntil(b"never")
    writer.close()


async def _protocols(at: World) -> None:
    ask = b"GET /ws HTTP/1.1\r\nHost: web.example\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"
    reader, writer = await _raw(await at.served(), ask % b"echo")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    for word in (b"one", b"two"):
        writer.write(word)
        assert await reader.readexactly(3) == word
    writer.close()
    # a server that does not want it, and HTTP/2, which is not offered
    for protocol in (b"other", b"h2c"):
        reader, writer = await _raw(await at.served(), ask % protocol)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def _refusals(at: World) -> None:
    assert await at.get("other.example") == (404, "no Ingress serves this host and path\n")
    assert (await at.get("web.example", "/empty"))[0] == 503
    assert (await at.get("web.example", "/gone/x"))[0] == 503
    assert (await at.get("web.example", "/drop"))[0] == 502
    assert (await at.get("web.example", "/drop", "POST"))[0] == 200
    reader, writer = await _raw(await at.served(), b"nonsense\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.0 400 ")
    writer.close()
    events = (await at.cluster.client.list(resource("events"), "default")).items
    assert [each["message"] for each in events if each["involvedObject"]["kind"] == "Ingress"] == ["service default/gone is not there"]


async def _counted(at: World) -> None:
    assert at.cluster.ingress is not None
    answers, took = at.cluster.ingress.families()
    counts = {tuple(labels): value for labels, value in answers.values}
    assert counts["default/web", "101"] == 1
    assert counts["default/web", "502"] == 1
    assert counts["default/gone", "503"] == 1
    assert counts["", "404"] >= 1
    assert {labels[0] for labels, _ in took.values} == {"", "default/web", "default/empty", "default/gone"}


async def _status(at: World) -> None:
    async def status() -> Any:
        found = await at.cluster.client.get(INGRESSES, "default", "web")
        return ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress")

    assert at.cluster.ingress is not None
    ports = [{"port": each, "protocol": "TCP"} for each in at.cluster.ingress.listening]
    assert await at.until(status) == [{"ip": "127.0.0.1", "ports": ports}]
    made = await at.cluster.client.get(INGRESSES, "default", "web")
    assert made["spec"]["ingressClassName"] == "wherry"


async def _changes(at: World) -> None:
    """An Ingress follows its spec, and another class is another's."""
    default = {"service": {"name": "web", "port": {"name": "web"}}}
    await at.cluster.client.create(INGRESSES, "default", ingress("rest", defaultBackend=default))
    await at.until_status("other.example", 200)
    await at.cluster.client.patch(INGRESSES, "default", "rest", {"spec": {"ingressClassName": "else"}}, MERGE_PATCH)
    await at.until_status("other.example", 404)
    await at.cluster.client.delete(INGRESSES, "default", "web")
    await at.until_status("web.example", 404)


def test_requests_reach_pods_as_they_are_and_answers_come_back_as_they_come() -> None:
    async def story() -> None:
        async with world() as at:
            await at.deployment("web", "1", 2)
            await at.service("web", "web")
            await at.service("empty", "nobody")
            paths = ("web.example", "/", "web"), ("web.example", "/empty", "empty"), ("web.example", "/gone", "gone")
            await at.cluster.client.create(INGRESSES, "default", ingress("web", *paths))
            await at.until_status("web.example", 503)
            await at.until_status("web.example", 200)
            for part in (_headers, _bodies, _streams, _protocols, _refusals, _counted, _status, _changes):
                await part(at)

    asyncio.run(asyncio.wait_for(story(), 50))


def test_a_port_that_is_taken_is_told_and_served_once_it_is_free() -> None:
    async def story() -> None:
        taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = taken.sockets[0].getsockname()[1]
        async with world(ingress_port=port) as at:
            await at.service("web", "web")
            await at.cluster.client.create(INGRESSES, "default", ingress("web", ("web.example", "/", "web")))

            async def told() -> list[str]:
                events = (await at.cluster.client.list(resource("events"), "default")).items
                return [each["message"] for each in events if each["reason"] == "PortInUse"]

            [message] = await at.until(told)
            assert f"127.0.0.1:{port}" in message
            assert at.cluster.ingress is not None
            assert str(port) in at.cluster.ingress.health()
            taken.close()
            await taken.wait_closed()
            assert await at.served() == port
            await at.until_status("web.example", 503)
            assert at.cluster.ingress.health() == ""

    asyncio.run(asyncio.wait_for(story(), 50))


def test_without_pods_that_run_programs_or_when_it_is_not_wanted_there_is_no_class() -> None:
    async def story() -> None:
        async with world(ingress=False) as at:
            assert (await at.cluster.client.list(resource("ingressclasses", "networking.k8s.io"))).items == []

    asyncio.run(asyncio.wait_for(story(), 50))
