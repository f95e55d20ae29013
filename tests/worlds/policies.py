"""What tests of NetworkPolicies stand on: namespaces x, y and z with pods a, b and c in each, all of which talk to all.

Every pod serves TCP 80 and 81 and UDP 80, and answers for each with its own name; clients are programs in the pods.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from wherry import Cluster
from wherry.api.resources import resource

Obj = dict[str, Any]
PODS, NAMESPACES, POLICIES = resource("pods"), resource("namespaces"), resource("networkpolicies", "networking.k8s.io")
SPACES, NAMES = "xyz", "abc"

#: serves, and asks others: a line {address: port} is answered by a line of those that were reached, of each protocol
_PROGRAM = """
import asyncio, json, os, socket, sys
name = os.environ["SELF"].encode()
class Udp(asyncio.DatagramProtocol):
    def connection_made(self, transport): self.transport = transport
    def datagram_received(self, data, who): self.transport.sendto(name, who)
class Ask(asyncio.DatagramProtocol):
    def __init__(self): self.said = asyncio.get_running_loop().create_future()
    def connection_made(self, transport): transport.sendto(b"?")
    def datagram_received(self, data, who): self.said.done() or self.said.set_result(data)
    def error_received(self, error): pass
async def serve(reader, writer):
    writer.write(name); writer.close()
async def tcp(address, port):
    reader, writer = await asyncio.open_connection(address, port)
    said = await reader.read(); writer.close(); return said
async def udp(address, port):
    transport, ask = await asyncio.get_running_loop().create_datagram_endpoint(Ask, remote_addr=(address, port))
    try: return await ask.said
    finally: transport.close()
async def probe(protocol, address, port, wait):
    try: return (await asyncio.wait_for({"tcp": tcp, "udp": udp}[protocol](address, port), wait)).decode()
    except asyncio.TimeoutError: return ""
    except OSError as error: return type(error).__name__
async def main():
    for port in (80, 81): await asyncio.start_server(serve, "0.0.0.0", port)
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Udp, local_addr=("0.0.0.0", 80))
    async def work(reader, writer):
        while line := await reader.readline():
            wait, asked = json.loads(line)
            said = await asyncio.gather(*(probe(*each, wait) for each in asked))
            writer.write(json.dumps(said).encode() + b"\\n"); await writer.drain()
    await asyncio.start_server(work, "0.0.0.0", 9000)
    await asyncio.Event().wait()
asyncio.run(main())
"""
#: the port at which a test tells a pod whom to ask: from the fabric's own namespace, which policies do not stop
_CONTROL = 9000
#: seconds after which nobody answered
WAIT = 0.5


def policy(name: str, namespace: str = "x", pods: Obj | None = None, **spec: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"podSelector": pods or {}, **spec}}


def labelled(**labels: str) -> Obj:
    return {"matchLabels": labels}

#: seconds for which a policy is waited for: looks that are all answered take no time
_PATIENCE, _LOOKS = 8.0, 400


class Pods:
    """`others`: pods by "namespace/name" with their addresses."""

    def __init__(self, cluster: Cluster, fabric: Any) -> None:
        self.cluster, self.fabric = cluster, fabric
        self.addresses: dict[str, str] = {}

    async def make(self, namespace: str, name: str, **labels: str) -> None:
        ports = [{"name": "serve-80-tcp", "containerPort": 80}, {"name": "serve-81-tcp", "containerPort": 81},
                 {"name": "serve-80-udp", "containerPort": 80, "protocol": "UDP"}]  # fmt: skip
        container = {"name": "c", "image": "x:1", "command": ["/usr/bin/python3", "-c", _PROGRAM], "ports": ports,
                     "env": [{"name": "SELF", "value": f"{namespace}/{name}"}]}  # fmt: skip
        await self.cluster.client.create(PODS, namespace, {
            "metadata": {"name": name, "namespace": namespace, "labels": {"pod": name, **labels}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
        })  # fmt: skip

    async def ready(self, namespace: str, name: str) -> str:
        async def address() -> str:
            found = await self.cluster.client.get(PODS, namespace, name)
            return str((found.get("status") or {}).get("podIP") or "")

        found = self.addresses[f"{namespace}/{name}"] = await until(address)
        await until(lambda: self._listens(found))
        return str(found)

    async def _listens(self, address: str) -> bool:
        try:
            writer = (await self._connect(address))[1]
        except OSError:
            return False
        writer.close()
        return True

    async def _connect(self, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        [one] = await self.fabric.sockets()
        try:
            await asyncio.get_running_loop().sock_connect(one, (address, _CONTROL))
        except OSError:
            one.close()
            raise
        return await asyncio.open_connection(sock=one)

    async def ask(self, source: str, asked: list[tuple[str, str, int]], wait: float = WAIT) -> list[str]:
        """What each of (protocol, address, port) answers to that pod; "" for nothing."""
        reader, writer = await self._connect(self.addresses[source])
        writer.write(json.dumps([wait, asked]).encode() + b"\n")
        said = json.loads(await reader.readline())
        writer.close()
        return list(said)

    async def reached(self, protocol: str = "tcp", port: int = 80) -> set[tuple[str, str]]:
        """(from, to) of all that reach each other."""
        pods = list(self.addresses)
        asked = [(protocol, self.addresses[to], port) for to in pods]
        answers = await asyncio.gather(*(self.ask(source, asked) for source in pods))
        return {(source, to) for source, said in zip(pods, answers, strict=True) for to, word in zip(pods, said, strict=True) if word == to}

    def expected(self, allowed: Callable[[str, str], bool]) -> set[tuple[str, str]]:
        """Everyone reaches himself."""
        return {(one, other) for one in self.addresses for other in self.addresses if one == other or allowed(one, other)}

    async def holds(self, allowed: Callable[[str, str], bool], protocol: str = "tcp", port: int = 80) -> None:
        """Who reaches whom; looked at until it is so, for some seconds, as policies take a moment."""
        wanted, loop = self.expected(allowed), asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        for _ in range(_LOOKS):
            found = await self.reached(protocol, port)
            if found == wanted:
                return
            if loop.time() > until:
                break
            await asyncio.sleep(0.02)
        raise AssertionError(f"{protocol} {port}: may not but do {sorted(found - wanted)}, may but do not {sorted(wanted - found)}")

    async def apply(self, *policies: Obj) -> None:
        for each in policies:
            await self.cluster.client.create(POLICIES, each["metadata"]["namespace"], each)

    async def clear(self) -> None:
        for each in (await self.cluster.client.list(POLICIES)).items:
            await self.cluster.client.delete(POLICIES, each["metadata"]["namespace"], each["metadata"]["name"])
        await self.holds(lambda one, other: True)


async def until(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await what()):
        assert asyncio.get_running_loop().time() < deadline, "it does not come"
        await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def pods(spaces: Iterable[str] = SPACES, names: Iterable[str] = NAMES, **options: Any) -> AsyncIterator[Pods]:
    """Namespaces are labelled ns=NAME, pods pod=NAME."""
    async with Cluster(runtime="process", nodes=2, serve=False, image_table=("*=host",), **options) as cluster:
        assert cluster.real_nodes is not None
        at = Pods(cluster, cluster.real_nodes.fabric)
        for space in spaces:
            await cluster.client.create(NAMESPACES, "", {"metadata": {"name": space, "labels": {"ns": space}}})
            await until(lambda space=space: _account(cluster, space))
        everyone = [(space, name) for space in spaces for name in names]
        for each in everyone:
            await at.make(*each)
        for each in everyone:
            await at.ready(*each)
        yield at


async def _account(cluster: Cluster, space: str) -> bool:
    """Pods can be made there once there is a ServiceAccount."""
    return bool((await cluster.client.list(resource("serviceaccounts"), space)).items)
