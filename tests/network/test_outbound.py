"""Pods and addresses outside of the cluster: without the option refused at once, with it reached through this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import dnslib
import pytest

from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster.option_values import OptionError
from wherry.network.outbound import End

pytestmark = pytest.mark.real_nodes

#: an address for documentation (RFC 5737): nobody has it, and nothing is sent to it
SITE = "203.0.113.5"
QUESTION = dnslib.DNSRecord.question("kubernetes.default.svc.cluster.local")
_KNOCK = """
import json, socket, sys, time
said = []
for word in sys.argv[1:]:
    kind, host, port = word.split("/")
    started = time.monotonic()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as one:
            one.settimeout(5)
            one.connect((host, int(port)))
            one.sendall(b"hello")
            if kind == "tcp":
                one.shutdown(socket.SHUT_WR)
            heard = b""
            while piece := one.recv(100):
                heard += piece
                if kind == "udp":
                    break
            said.append(heard.decode())
    except OSError as error:
        said.append(type(error).__name__ if error.errno is None else error.strerror)
    if time.monotonic() - started > 3:
        said.append("slow")
print(json.dumps(said))
"""

_ASK = f"""
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.settimeout(5)
one.connect(("{SITE}", 53))
one.send(bytes.fromhex(sys.argv[1]))
print(one.recv(999).hex(), end="")
"""


def play(story: Callable[[World], Awaitable[None]], **options: Any) -> None:
    async def whole() -> None:
        settings: Any = {"image_table": ("*=host",), "dns_forward": ("none",), **options}
        async with Cluster(runtime="process", nodes=1, serve=False, **settings) as made:
            world = World(made, "process")
            await world.pod("p", "sleep 1000", metadata={"labels": {"app": "p"}})
            await world.ready("p")
            await asyncio.wait_for(story(world), 50)

    asyncio.run(whole())


async def knocks(world: World, *places: str) -> Any:
    return json.loads(await world.run("p", "python3", "-c", _KNOCK, *places))


@asynccontextmanager
async def site(world: World) -> AsyncIterator[list[tuple[str, int]]]:
    """What stands for the world outside: it repeats what it heard until its end, and what it was asked for is listed."""
    asked: list[tuple[str, int]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"you said " + await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)

    async def dial(host: str, port: int) -> End:
        asked.append((host, port))
        if port == 81:
            raise ConnectionRefusedError
        return await asyncio.open_connection(*server.sockets[0].getsockname())

    assert world.cluster.outbound is not None
    world.cluster.outbound.dial = dial
    async with server:
        yield asked


def test_without_the_option_all_is_refused_at_once() -> None:
    async def story(world: World) -> None:
        assert await knocks(world, f"tcp/{SITE}/80", f"udp/{SITE}/9") == ["No route to host"] * 2

    play(story)


def test_connections_are_made_from_the_host_and_names_are_asked_of_the_cluster() -> None:
    async def story(world: World) -> None:
        async with site(world) as asked:
            assert await knocks(world, f"tcp/{SITE}/80", f"tcp/{SITE}/81", f"tcp/{SITE}/6443") == [
                "you said hello", "Connection reset by peer", "you said hello"]  # fmt: skip
            assert asked == [(SITE, 80), (SITE, 81), (SITE, 6443)]
            # neither other protocols nor the cluster's own networks are led out
            own = await knocks(world, f"udp/{SITE}/9", "tcp/10.244.0.1/80", "tcp/10.0.0.1/80")
            assert own == ["No route to host", "Connection refused", "Connection refused"]
            assert len(asked) == 3
            known = await world.run("p", "python3", "-c", _ASK, QUESTION.pack().hex())
            assert str(dnslib.DNSRecord.parse(bytes.fromhex(known)).a.rdata) == "10.96.0.1"
            counted = dict(next(world.cluster.outbound.families()).values)  # type: ignore[union-attr]
            assert counted == {("connected",): 2, ("unreachable",): 1}

    play(story, pods_outbound=True)


def test_policies_judge_the_address_that_is_meant() -> None:
    async def story(world: World) -> None:
        async with site(world):
            allowed = [{"to": [{"ipBlock": {"cidr": f"{SITE}/32"}}], "ports": [{"port": 80}]}]
            await world.client.create(resource("networkpolicies", "networking.k8s.io"), "default", {
                "metadata": {"name": "out"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": allowed}})  # fmt: skip

            async def enforced() -> bool:
                return bool(await knocks(world, f"tcp/{SITE}/443") == ["TimeoutError", "slow"])

            await world.eventually(enforced)
            assert await knocks(world, f"tcp/{SITE}/80") == ["you said hello"]

    play(story, pods_outbound=True)


def test_the_option_is_of_pods_that_run_programs_here() -> None:
    async def start() -> None:
        async with Cluster(pods_outbound=True, serve=False):
            pass

    with pytest.raises(OptionError, match="pods_outbound: it is of pods of the runtime process"):
        asyncio.run(start())
