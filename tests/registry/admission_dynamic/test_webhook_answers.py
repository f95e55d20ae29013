"""A webhook's answer counts whole, however the network cuts it: in segments, in chunks, large, or broken off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from tests.registry.admission_dynamic.dynamic_world import World, config_map, run
from tests.registry.admission_dynamic.hook_server import bundle, server_context
from tests.registry.admission_dynamic.test_webhooks import VALIDATING, configure
from wherry.api.errors import StatusError
from wherry.client.webhooks import WebhookCaller
from wherry.kit.fetch import LARGEST, fetch
from wherry.registry.outside.calls import Call, CallFailed

Pieces = Sequence[bytes]


@asynccontextmanager
async def answering(pieces: Pieces | Callable[[bytes], Pieces], *, tls: bool = False) -> AsyncIterator[int]:
    """A server that answers a body with these pieces, each in a segment of its own: the port."""
    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append(task)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"content-length: 0")
        sent = await reader.readexactly(int(length.split(b":")[1]))
        for piece in pieces(sent) if callable(pieces) else pieces:
            writer.write(piece)
            await writer.drain()
            # the client has to see the pieces one by one: it reads in the turns that it gets here
            for _ in range(20):
                await asyncio.sleep(0.001)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context() if tls else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*served, return_exceptions=True)


def sized(body: bytes, *cuts: int) -> list[bytes]:
    """An answer with Content-Length, its body cut at these places."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    places = [0, *cuts, len(body)]
    return [head, *(body[a:b] for a, b in pairwise(places))]


def chunked(body: bytes, size: int) -> list[bytes]:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        *(b"%x\r\n%b\r\n" % (len(part), part) for part in parts),
        b"0\r\n\r\n",
    ]


async def asked(pieces: Pieces, seconds: float = 10.0) -> bytes:
    caller = WebhookCaller()
    try:
        async with answering(pieces) as port:
            return await caller(Call(f"http://127.0.0.1:{port}/", b"{}", seconds))
    finally:
        await caller.close()


BODY = b"0123456789" * 20
LARGE = b"x" * 3_000_000


@pytest.mark.parametrize(
    "pieces",
    [sized(BODY), sized(BODY, 1), sized(BODY, 100, 150), chunked(BODY, 7), [b"".join(chunked(BODY, 50))]],
    ids=["one segment", "a byte and the rest", "three segments", "chunks", "chunks in one segment"],
)
def test_an_answer_is_read_to_its_end(pieces: Pieces) -> None:
    assert asyncio.run(asked(pieces)) == BODY


def test_a_large_answer_is_read_to_its_end() -> None:
    assert asyncio.run(asked(sized(LARGE, 1000, 2_000_000))) == LARGE
    assert asyncio.run(asked(chunked(LARGE, 1 << 20))) == LARGE


def test_an_answer_that_breaks_off_is_none() -> None:
    with pytest.raises(CallFailed, match=r"^Post \"http://127.0.0.1:\d+/\": "):
        asyncio.run(asked(sized(BODY, 100)[:-1]))


def test_an_answer_beyond_the_limit_is_refused() -> None:
    with pytest.raises(CallFailed, match="the answer is larger than 16777216 bytes"):
        asyncio.run(asked(sized(b"x" * (16 * 1024 * 1024 + 1))))


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_a_denial_in_two_segments_is_a_denial(policy: str) -> None:
    async def test(world: World) -> None:
        world.registry.outside.call = caller = WebhookCaller()

        def deny(sent: bytes) -> Pieces:
            asked = json.loads(sent)
            response = {"uid": asked["request"]["uid"], "allowed": False, "status": {"message": "not today"}}
            return sized(json.dumps({"kind": asked["kind"], "apiVersion": asked["apiVersion"], "response": response}).encode(), 30)

        async with answering(deny, tls=True) as port:
            await configure(
                world,
                VALIDATING,
                {
                    "name": "no.hooks.example", "clientConfig": {"url": f"https://127.0.0.1:{port}/no", "caBundle": bundle()},
                    "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
                    "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": policy,
                },
            )  # fmt: skip
            with pytest.raises(StatusError, match=r'admission webhook "no\.hooks\.example" denied the request: not today'):
                await world.create("configmaps", config_map(a="1"))
            await caller.close()

    run(test)


def test_a_look_at_a_url_reads_the_whole_page() -> None:
    async def look(pieces: Pieces) -> str:
        async with answering(pieces) as port:
            return (await fetch(f"http://127.0.0.1:{port}/")).body

    assert asyncio.run(look(sized(BODY, 3, 60))) == BODY.decode()
    assert len(asyncio.run(look(sized(LARGE, 5)))) == LARGEST
