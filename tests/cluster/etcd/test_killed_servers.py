"""Three servers on one etcd are killed again and again under writers and watchers: what clients see stays linearizable.

`WHERRY_KILLS` says how often (the servers in turn, at random moments).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cli.program import Up, free_port
from tests.worlds.etcd import EtcdServer
from tests.worlds.histories import Op, wrong

KILLS = int(os.environ.get("WHERRY_KILLS", "15"))
KEYS = ("a", "b", "c")
MAPS = "/api/v1/namespaces/default/configmaps"
FAILURES = (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError)

pytestmark = [pytest.mark.etcd, pytest.mark.slow]


class Clients:
    """What writers and readers did at the servers, and what came of it."""

    def __init__(self, ports: list[int], token: str, context: ssl.SSLContext, chance: random.Random) -> None:
        self._ports, self.context, self._chance = ports, context, chance
        self.headers = {"Authorization": f"Bearer {token}"}
        self.ops: list[Op] = []
        self.unknown: Counter[str] = Counter()
        self.going = True
        self.session: aiohttp.ClientSession

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self._chance.choice(self._ports)}{path}"

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        more: dict[str, Any] = {"headers": self.headers, "ssl": self.context, "timeout": aiohttp.ClientTimeout(total=15)}
        async with self.session.request(method, self.url(path), json=body, **more) as answer:
            return answer.status, await answer.json()

    async def count_up(self) -> None:
        """Reads an object and writes it with the next number, if nobody else did."""
        while self.going:
            key = self._chance.choice(KEYS)
            try:
                obj = await self._seen("GET", key)
            except FAILURES:
                await asyncio.sleep(0.02)
                continue
            if obj is None:
                continue
            number = int(obj["data"]["n"]) + 1
            try:
                await self._seen("PUT", key, {**obj, "data": {"n": str(number)}})
            except FAILURES:
                self.unknown[key] += 1

    async def _seen(self, method: str, key: str, body: Any = None) -> Any:
        begin = time.monotonic()
        status, obj = await self.ask(method, f"{MAPS}/{key}", body)
        if status == 200:
            version, value = int(obj["metadata"]["resourceVersion"]), obj["data"]["n"]
            self.ops.append(Op(begin, time.monotonic(), key, version, value, method == "PUT"))
            return obj
        if status >= 500:
            if method == "PUT":
                self.unknown[key] += 1
            return None
        assert status == 409, (status, obj)
        return None


class Watcher:
    """Follows the objects at one server after the other, from where it was. `lost`: how often it had to begin anew (410)."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.seen: list[list[tuple[int, str, str]]] = [[]]
        self.resumed = 0
        self.from_version = 0
        self.starts: list[int] = []

    async def run(self) -> None:
        while self._clients.going:
            with suppress(*FAILURES):
                if not self.from_version:
                    status, found = await self._clients.ask("GET", MAPS)
                    if status != 200:
                        continue
                    self.from_version = int(found["metadata"]["resourceVersion"])
                    self.seen.append([])
                    self.starts.append(self.from_version)
                await self._follow()
            await asyncio.sleep(0.01)

    async def _follow(self) -> None:
        path = f"{MAPS}?watch=1&resourceVersion={self.from_version}&timeoutSeconds=20"
        clients = self._clients
        async with clients.session.get(clients.url(path), headers=clients.headers, ssl=clients.context) as answer:
            if answer.status != 200:
                if answer.status == 410:
                    self.from_version = 0
                return
            self.resumed += 1
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    assert event["object"]["code"] == 410, event
                    self.from_version = 0
                    return
                obj = event["object"]
                self.from_version = int(obj["metadata"]["resourceVersion"])
                if obj["metadata"]["name"] in KEYS:
                    self.seen[-1].append((self.from_version, obj["metadata"]["name"], obj["data"]["n"]))


@pytest.mark.timeout(60 + 12 * KILLS)
def test_servers_that_are_killed_lose_nothing_and_answer_as_one(tmp_path: Path) -> None:
    with EtcdServer() as etcd:
        asyncio.run(_story(etcd, tmp_path))


async def _story(etcd: EtcdServer, tmp_path: Path) -> None:
    chance = random.Random(int(os.environ.get("WHERRY_SEED", "7")))
    ports = [free_port() for _ in range(3)]
    flags = ("--etcd-servers", etcd.url, "--no-run-nodes")

    def start(number: int) -> Up:
        return Up(tmp_path / str(number), *flags, port=ports[number])

    servers = [await asyncio.to_thread(start, number) for number in range(3)]
    clients = Clients(ports, servers[0].config["users"][0]["user"]["token"], servers[0].tls(), chance)
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as clients.session:
            for key in KEYS:
                status, _ = await clients.ask("POST", MAPS, {"metadata": {"name": key}, "data": {"n": "0"}})
                assert status == 201
            watchers = [Watcher(clients) for _ in range(3)]
            tasks = [asyncio.create_task(clients.count_up()) for _ in range(6)] + [asyncio.create_task(each.run()) for each in watchers]
            for kill in range(KILLS):
                await asyncio.sleep(chance.uniform(0.1, 0.8))
                number = kill % 3
                servers[number].process.kill()
                servers[number].process.communicate()
                servers[number] = await asyncio.to_thread(start, number)
            await asyncio.sleep(0.5)
            clients.going = False
            await asyncio.wait(tasks[:6])
            last = {key: (await clients.ask("GET", f"{MAPS}/{key}"))[1] for key in KEYS}
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
    finally:
        for server in servers:
            server.process.kill()
            server.process.communicate()
    _check(clients, watchers, last)


def _check(clients: Clients, watchers: list[Watcher], last: dict[str, Any]) -> None:
    assert wrong(clients.ops) == ""
    for key in KEYS:
        written = [op for op in clients.ops if op.key == key and op.write]
        number = int(last[key]["data"]["n"])
        assert len(written) <= number <= len(written) + clients.unknown[key], "every acknowledged write counts once"
        assert len({op.value for op in written}) == len(written)
    versions = {op.version: (op.key, op.value) for op in clients.ops if op.write}
    assert len(versions) > 10 * KILLS, "too few writes to say anything"
    assert sum(watcher.resumed for watcher in watchers) > KILLS / 2
    for watcher in watchers:
        for start, seen in zip(watcher.starts, watcher.seen[1:], strict=True):
            order = [version for version, _, _ in seen]
            assert order == sorted(set(order)), "every version once, in order"
            told = {version: (key, value) for version, key, value in seen}
            due = {version: what for version, what in versions.items() if order and start < version <= order[-1]}
            assert {version: told.get(version) for version in due} == due, "no acknowledged write is left out"
