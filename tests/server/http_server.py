"""A server over a registry in memory, on a loopback port, with a client: what the tests of the server share."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from wherry.api.options import ADMIN, DEFAULT_WRITE, Target
from wherry.api.resources import resource
from wherry.kit.clock import Clock
from wherry.registry.default_roles import ensure
from wherry.registry.registry import Registry
from wherry.server.app import ApiServer
from wherry.server.authentication import Certificates, FirstOf, Tokens
from wherry.server.gateway import Simulated
from wherry.store.memory import MemoryStore

GOLDEN = Path(__file__).parents[1] / "golden"
TOKEN = "the-admins-token"
NAMESPACE = "server-tests"

_spec = importlib.util.spec_from_file_location("golden_normalise_for_server", GOLDEN / "normalise.py")
assert _spec is not None
assert _spec.loader is not None
normalise = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(normalise)


class Hurried(Clock):
    """Timers come thirty times sooner: a watch of a second takes a moment."""

    def call_later(self, seconds: float, call: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        return super().call_later(seconds / 30, call, *args)


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


class World:
    """`ready` may be changed; `call` sends a request as the administrator unless told otherwise."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self.registry, self.clock = registry, clock
        self.ready = {"store": True}
        self.server = self.make()
        self.port = 0
        self.http: aiohttp.ClientSession

    def make(self, **options: Any) -> ApiServer:
        known = FirstOf((Certificates(), Tokens({TOKEN: ADMIN})))
        return ApiServer(self.registry, self.clock, authenticator=known, gateway=Simulated(), ready=lambda: self.ready,
                         rng=random.Random(1), **options)

    def url(self, path: str) -> URL:
        return URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)

    async def call(self, method: str, path: str, body: Any = None, *, token: str | None = TOKEN, **headers: str) -> Answer:
        """Header names are given with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = body.encode() if isinstance(body, str) else body
        if not isinstance(data, (bytes, io.BytesIO, type(None))):
            data = json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.http.request(method, self.url(path), headers=sent, data=data, skip_auto_headers=("Content-Type", "User-Agent"),
                                     auto_decompress=True) as response:
            return Answer(response.status, response.headers, await response.read())

    async def make_object(self, plural: str, name: str, *, namespace: str = NAMESPACE, **rest: Any) -> None:
        row = resource(plural)
        meta = {"name": name, **({"namespace": namespace} if row.namespaced else {}), **rest.pop("metadata", {})}
        body = {"apiVersion": row.api_version, "kind": row.kind, "metadata": meta, **rest}
        await self.registry.create(Target(row, namespace if row.namespaced else ""), body, DEFAULT_WRITE, ADMIN)


@asynccontextmanager
async def world(**options: Any) -> AsyncIterator[World]:
    clock = Hurried()
    registry = Registry(MemoryStore(now=clock.now), clock.now, random.Random(1))
    made = World(registry, clock)
    made.server = made.make(**options)
    made.port = await made.server.start()
    await ensure(registry)
    await made.make_object("namespaces", NAMESPACE)
    await made.make_object("configmaps", "kube-root-ca.crt", data={"ca.crt": ""})
    await made.make_object("serviceaccounts", "default")
    async with aiohttp.ClientSession() as made.http:
        try:
            yield made
        finally:
            await made.server.stop(grace=1)


def run(test: Callable[[World], Awaitable[None]], **options: Any) -> None:
    """Runs a test in a fresh world."""

    async def inside() -> None:
        async with world(**options) as made:
            await test(made)

    asyncio.run(inside())


#: headers that the recordings keep and that must agree
HEADERS = ("Content-Type", "Cache-Control", "Vary", "Retry-After")


class Player:
    """Plays recorded calls in order; placeholders in requests stand for what earlier answers gave."""

    def __init__(self, made: World) -> None:
        self.world = made
        self.names = normalise.Normaliser({NAMESPACE: "<NS>"})

    def _fill(self, text: str) -> str:
        back = {mark: value for value, mark in self.names.sub.items()}
        back |= {mark: str(value) for (_, value), mark in self.names.ids.items()}
        return re.sub(r"<[A-Z]+\d*>", lambda m: back.get(m[0], m[0]), text)

    async def play(self, case: dict[str, Any]) -> tuple[Answer, Any]:
        request = case["request"]
        path, body = self._fill(request["path"]), request.get("body")
        content = None if body is None else self._fill(body if isinstance(body, str) else json.dumps(body))
        token = {"none": None, "invalid": "wrong"}.get(request.get("authorization", ""), TOKEN)
        headers = {k.replace("-", "_"): v for k, v in request["headers"].items()}
        answer = await self.world.call(request["method"], path, content, token=token, **headers)
        return answer, self._decoded(answer, path)

    def _decoded(self, answer: Answer, path: str) -> Any:
        text = answer.body.decode()
        versions = set(re.findall(r"resourceVersion=(\d+)", path))
        if ("watch=" in path or "/watch/" in path) and (not text or text.startswith('{"type"')):
            value: Any = [e for e in answer.lines if e["type"] != "BOOKMARK" or e["object"]["metadata"].get("annotations")]
        else:
            try:
                value = json.loads(text)
            except ValueError:
                return self.names.text(text)
        return self.names.value(value, versions=versions)


def recorded(group: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLDEN / "api" / f"{group}.jsonl").read_text().splitlines()]
