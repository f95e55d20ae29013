"""Paths and methods that nearly name something, and how long a request may take."""

from __future__ import annotations

import asyncio

from tests.server.http_server import NAMESPACE, TOKEN, World, run

PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


def test_a_method_that_nobody_knows_is_not_allowed() -> None:
    async def body(made: World) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(f"FETCH {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n".encode())
        received = await reader.read()
        writer.close()
        assert received.startswith(b"HTTP/1.1 405 ")
        assert b"the server does not allow this method on the requested resource" in received

    run(body)


def test_the_lists_of_groups_are_handed_out_whatever_the_method() -> None:
    async def body(made: World) -> None:
        assert [(await made.call("DELETE", path)).status for path in ("/apis", "/apis/apps")] == [200, 200]
        assert [(await made.call("DELETE", path)).status for path in ("/api", "/api/v1", "/apis/apps/v1", "/version")] == [405] * 4

    run(body)


def test_slashes_at_the_end_count_outside_of_the_api() -> None:
    async def body(made: World) -> None:
        for path in ("/healthz/", "/metrics/", "/openapi/v2/"):
            answer = await made.call("GET", path)
            assert (answer.status, answer.body) == (404, b"404 page not found\n"), path
        for path in ("/version/", "/apis/", "/apis/apps/v1/", f"{PATH}/", f"{PATH}/kube-root-ca.crt/"):
            assert (await made.call("GET", path)).status == 200, path

    run(body)


def test_a_time_that_is_none_is_refused_and_every_other_one_is_kept() -> None:
    async def body(made: World) -> None:
        assert (await made.call("GET", f"{PATH}?timeout=5s")).status == 200
        refused = await made.call("GET", f"{PATH}?timeout=5")
        assert refused.status == 400
        assert refused.json["message"] == 'invalid timeout specified in the request URL - time: missing unit in duration "5"'

    run(body)
