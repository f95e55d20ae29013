"""What the client sends, and what it does when a server is busy, hangs up or wants other credentials."""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path

import pytest

from tests.client.http.small_server import reply, serve
from wherry.api.errors import Gone, TooManyRequests
from wherry.api.options import DeleteOptions, WriteOptions
from wherry.api.resources import resource
from wherry.client.access import Access
from wherry.client.http import HttpClient
from wherry.client.transport import ConnectionFailed

PODS = resource("pods")


def test_requests_are_those_of_the_api() -> None:
    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}/prefix/")) as client:
            await client.get(PODS, "a", "b", subresource="status")
            await client.list(PODS, label_selector="x=y,z in (1,2)", limit=5, continue_token="t")
            options = WriteOptions(field_manager="m", dry_run=True, field_validation="Strict")
            await client.create(PODS, "a", {"metadata": {"name": "b"}}, options=options)
            await client.update(PODS, {"metadata": {"name": "b", "namespace": "a"}})
            await client.patch(resource("deployments", "apps"), "a", "b", {}, "application/apply-patch+yaml",
                               options=WriteOptions(force=True))
            await client.delete(PODS, "a", "b", DeleteOptions(0, "Orphan", uid="u"))

    seen: list[tuple[dict[str, str], bytes]] = []

    def answer(line: str, headers: dict[str, str], body: bytes) -> bytes:
        seen.append((headers, body))
        return reply('{"items":[],"metadata":{}}')

    lines = asyncio.run(serve(answer, work))
    assert lines == [
        "GET /prefix/api/v1/namespaces/a/pods/b/status HTTP/1.1",
        "GET /prefix/api/v1/pods?labelSelector=x%3Dy%2Cz%20in%20%281%2C2%29&limit=5&continue=t HTTP/1.1",
        "POST /prefix/api/v1/namespaces/a/pods?fieldManager=m&dryRun=All&fieldValidation=Strict HTTP/1.1",
        "PUT /prefix/api/v1/namespaces/a/pods/b HTTP/1.1",
        "PATCH /prefix/apis/apps/v1/namespaces/a/deployments/b?force=true HTTP/1.1",
        "DELETE /prefix/api/v1/namespaces/a/pods/b HTTP/1.1",
    ]
    assert seen[4][0]["content-type"] == "application/apply-patch+yaml"
    assert seen[5][1] == (b'{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"propagationPolicy":"Orphan",'
                          b'"preconditions":{"uid":"u"}}')


def test_a_busy_server_is_asked_again() -> None:
    answers = [reply("", "429 Too Many Requests", "Retry-After: 0"), reply("", "503 Busy", "Retry-After: 0"), reply('{"kind":"Pod"}')]

    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}")) as client:
            assert await client.create(PODS, "a", {}) == {"kind": "Pod"}

    assert len(asyncio.run(serve(lambda *_: answers.pop(0), work))) == 3


def test_a_server_that_stays_busy_is_given_up() -> None:
    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}")) as client:
            with pytest.raises(TooManyRequests):
                await client.get(PODS, "a", "b")

    assert len(asyncio.run(serve(lambda *_: reply("", "429 Too Many Requests", "Retry-After: 0"), work))) == 11


def test_a_read_on_a_connection_that_was_closed_meanwhile_is_sent_again() -> None:
    answers: list[bytes | None] = [reply('{"n":1}'), None, reply('{"n":2}')]

    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}")) as client:
            assert await client.get(PODS, "a", "b") == {"n": 1}
            assert await client.get(PODS, "a", "b") == {"n": 2}

    assert len(asyncio.run(serve(lambda *_: answers.pop(0), work))) == 3


def test_a_write_is_never_sent_twice() -> None:
    answers: list[bytes | None] = [reply(), None]

    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}")) as client:
            await client.get(PODS, "a", "b")
            with pytest.raises(ConnectionFailed):
                await client.create(PODS, "a", {})

    assert len(asyncio.run(serve(lambda *_: answers.pop(0), work))) == 2


def test_after_a_401_a_token_file_is_read_once_more(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")

    def answer(line: str, headers: dict[str, str], body: bytes) -> bytes:
        if headers["authorization"] == "Bearer new":
            return reply()
        path.write_text("new")
        return reply("", "401 Unauthorized")

    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}", token_file=str(path))) as client:
            await client.get(PODS, "a", "b")

    assert len(asyncio.run(serve(answer, work))) == 2


def test_a_compressed_answer_is_unpacked() -> None:
    packer = zlib.compressobj(wbits=31)
    body = packer.compress(b'{"n":1}') + packer.flush()
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}")) as client:
            assert await client.get(PODS, "a", "b") == {"n": 1}

    asyncio.run(serve(lambda *_: head + body, work))


def test_warnings_reach_the_caller() -> None:
    heard: list[str] = []

    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}"), on_warning=heard.append) as client:
            await client.get(PODS, "a", "b")

    asyncio.run(serve(lambda *_: reply("{}", "200 OK", 'Warning: 299 - "old"'), work))
    assert heard == ["old"]


def test_an_error_in_a_watch_is_raised_and_a_broken_watch_just_ends() -> None:
    gone = '{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410,"message":"too old"}}'
    first = '{"type":"ADDED","object":{"metadata":{"name":"x"}}}'

    async def work(address: str) -> None:
        async with HttpClient(Access(server=f"http://{address}")) as client:
            with pytest.raises(Gone, match="too old"):
                async for _ in client.watch(PODS, resource_version="1"):
                    pass
            assert [[e.type for e in batch] async for batch in client.watch(PODS)] == [["ADDED"]]

    answers = [reply(gone + "\n"), f"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{first}\n".encode()]
    asyncio.run(serve(lambda *_: answers.pop(0), work, hang_up_after=2))


def test_a_plain_server_behind_an_http_proxy_gets_absolute_targets() -> None:
    async def work(address: str) -> None:
        async with HttpClient(Access(server="http://far.example:81", proxy_url=f"http://u:p@{address}")) as client:
            await client.get(PODS, "a", "b")

    def answer(line: str, headers: dict[str, str], body: bytes) -> bytes:
        assert headers["host"] == "far.example:81"
        assert headers["proxy-authorization"] == "Basic dTpw"
        return reply()

    assert asyncio.run(serve(answer, work)) == ["GET http://far.example:81/api/v1/namespaces/a/pods/b HTTP/1.1"]


def test_a_secure_server_behind_an_http_proxy_is_reached_by_connect() -> None:
    async def work(address: str) -> None:
        async with HttpClient(Access(server="https://far.example", proxy_url=f"http://{address}")) as client:
            with pytest.raises(ConnectionFailed, match="403 Forbidden"):
                await client.get(PODS, "a", "b")

    assert asyncio.run(serve(lambda *_: reply("", "403 Forbidden"), work)) == ["CONNECT far.example:443 HTTP/1.1"]


def test_a_server_that_is_not_there_refuses() -> None:
    async def work() -> None:
        async with HttpClient(Access(server="http://127.0.0.1:1")) as client:
            with pytest.raises(ConnectionFailed, match="connection refused"):
                await client.get(PODS, "a", "b")

    asyncio.run(work())
