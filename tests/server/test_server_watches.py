"""Watches over HTTP: how they stream, and everything that ends them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from tests.server.http_server import NAMESPACE, TOKEN, World, run, world

PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


async def _until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


def test_a_watch_ends_when_its_seconds_are_over() -> None:
    async def body(made: World) -> None:
        answer = await made.call("GET", f"{PATH}?watch=1&timeoutSeconds=1")
        assert answer.status == 200
        assert [e["type"] for e in answer.lines] == ["ADDED"]
        assert answer.headers["Transfer-Encoding"] == "chunked"

    run(body)


def test_events_come_while_the_watch_runs_and_the_connection_is_kept() -> None:
    async def body(made: World) -> None:
        async with made.http.get(made.url(f"{PATH}?watch=1&timeoutSeconds=60"), headers=AUTHORIZED) as response:
            assert json.loads(await response.content.readline())["object"]["metadata"]["name"] == "kube-root-ca.crt"
            await made.make_object("configmaps", "later", data={"a": "b"})
            event = json.loads(await response.content.readline())
            assert (event["type"], event["object"]["metadata"]["name"], event["object"]["kind"]) == ("ADDED", "later", "ConfigMap")

    run(body)


def test_a_client_that_goes_ends_its_watch() -> None:
    async def body(made: World) -> None:
        response = await made.http.get(made.url(f"{PATH}?watch=1"), headers=AUTHORIZED)
        await _until(lambda: made.server.watches == 1)
        response.close()
        await _until(lambda: made.server.watches == 0)

    run(body)


def test_stopping_the_server_ends_watches_at_once() -> None:
    async def body(made: World) -> None:
        async with made.http.get(made.url(f"{PATH}?watch=1"), headers=AUTHORIZED) as response:
            await response.content.readline()
            await asyncio.wait_for(made.server.stop(grace=30), 5)
            assert await response.content.read() == b""

    run(body)


def test_an_error_in_the_middle_is_the_last_event() -> None:
    async def body(made: World) -> None:
        for i in range(3):
            await made.make_object("configmaps", f"c{i}")
        made.registry.store.compact(made.registry.store.revision)
        answer = await made.call("GET", f"{PATH}?watch=1&timeoutSeconds=30&resourceVersion=1")
        assert answer.status == 200
        [event] = answer.lines
        assert event["type"] == "ERROR"
        assert event["object"]["reason"] == "Expired"
        assert event["object"]["code"] == 410

    run(body)


def test_initial_events_end_with_a_marked_bookmark() -> None:
    async def body(made: World) -> None:
        query = "watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        last = (await made.call("GET", f"{PATH}?{query}")).lines[-1]
        assert last["type"] == "BOOKMARK"
        assert last["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}

    run(body)


def test_watchers_share_the_bytes_of_an_event() -> None:
    async def body(made: World) -> None:
        await made.call("GET", f"{PATH}?watch=1&timeoutSeconds=1")
        record = await made.registry.store.get(f"configmaps/{NAMESPACE}/kube-root-ca.crt")
        assert record is not None
        assert record.cache is not None
        first = record.cache["ADDED"]
        await made.call("GET", f"{PATH}?watch=1&timeoutSeconds=1")
        assert record.cache["ADDED"] is first

    run(body)


def test_a_table_watch_says_its_columns_once() -> None:
    async def body(made: World) -> None:
        await made.make_object("configmaps", "second")
        answer = await made.call("GET", f"{PATH}?watch=1&timeoutSeconds=1", Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        tables = [e["object"] for e in answer.lines]
        assert [t["kind"] for t in tables] == ["Table", "Table"]
        assert [bool(t["columnDefinitions"]) for t in tables] == [True, False]

    run(body)


def test_a_watch_over_a_websocket_sends_a_message_for_each_event() -> None:
    async def body(made: World) -> None:
        async with made.http.ws_connect(made.url(f"{PATH}?watch=1"), headers=AUTHORIZED) as socket:
            assert json.loads((await socket.receive()).data)["type"] == "ADDED"
            await made.make_object("configmaps", "later")
            assert json.loads((await socket.receive()).data)["object"]["metadata"]["name"] == "later"
        await _until(lambda: made.server.watches == 0)

    run(body)


def test_a_client_that_does_not_read_does_not_fill_the_memory() -> None:
    async def body(made: World) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port, limit=1024)
        writer.write(f"GET {PATH}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        await reader.readline()
        for i in range(120):
            await made.make_object("configmaps", f"big-{i}", data={"a": "x" * 200_000})
        [server] = made.server._servers
        [connection] = [c for c in server.connections if server._long.get(c)]
        assert connection.transport is not None
        assert connection.transport.get_write_buffer_size() < 1_000_000
        writer.close()
        await _until(lambda: made.server.watches == 0)

    run(body)


def test_a_watch_of_one_object_through_a_field_selector_or_the_old_path() -> None:
    async def body(made: World) -> None:
        await made.make_object("configmaps", "other")
        for path in (f"{PATH}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dother",
                     f"/api/v1/watch/namespaces/{NAMESPACE}/configmaps/other?timeoutSeconds=1"):
            assert [e["object"]["metadata"]["name"] for e in (await made.call("GET", path)).lines] == ["other"]

    run(body)


def test_many_watches_of_one_connection_after_each_other() -> None:
    async def inside() -> None:
        async with world() as made, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as http:
            for _ in range(2):
                async with http.get(made.url(f"{PATH}?watch=1&timeoutSeconds=1"), headers=AUTHORIZED) as response:
                    assert len((await response.read()).splitlines()) == 1

    asyncio.run(inside())
