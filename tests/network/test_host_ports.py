"""Services from this machine's own programs: node ports over TCP and UDP, load balancers, and ports that somebody else has."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from wherry import Cluster
from wherry.api.resources import resource
from wherry.network import host_ports

pytestmark = pytest.mark.real_nodes
PODS, SERVICES, EVENTS = resource("pods"), resource("services"), resource("events")
_SERVER = """
import socket, threading
def tcp():
    s = socket.create_server(("0.0.0.0", 8080))
    while True:
        c, _ = s.accept()
        said = b""
        while piece := c.recv(100):
            said += piece
        c.sendall(b"heard " + said); c.close()
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 8080))
    while True:
        said, who = s.recvfrom(1000); s.sendto(b"heard " + said, who)
threading.Thread(target=udp, daemon=True).start()
tcp()
"""


async def begin(cluster: Any, **spec: Any) -> Any:
    """A pod that says what it heard, and a Service of it."""
    container = {"name": "c", "image": "x:1", "command": ["/usr/bin/python3", "-c", _SERVER]}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    await cluster.client.create(PODS, "default", {"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": pod})
    ports = [{"name": "tcp", "port": 8080}, {"name": "udp", "port": 8080, "protocol": "UDP"}]
    return await cluster.client.create(SERVICES, "default", {
        "metadata": {"name": "s"}, "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": ports, **spec}})  # fmt: skip


async def heard(address: str, port: int, words: bytes) -> bytes:
    """Over TCP, with a side that ends first. Raises OSError."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(words)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


async def until(address: str, port: int, expected: Callable[[bytes], bool] = bool) -> bytes:
    for _ in range(400):
        try:
            said = await heard(address, port, b"x" * 100_000)
        except OSError:
            said = b""
        if expected(said):
            return said
        await asyncio.sleep(0.02)
    raise AssertionError(said[:50])


async def told(cluster: Any, reason: str) -> str:
    """The message of an event."""
    for _ in range(400):
        for event in (await cluster.client.list(EVENTS, "default")).items:
            if event["reason"] == reason:
                return str(event["message"])
        await asyncio.sleep(0.02)
    raise AssertionError(f"no event says {reason}")


async def by_datagram(port: int, words: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        await loop.sock_connect(one, ("127.0.0.1", port))
        for _ in range(50):
            await loop.sock_sendall(one, words)
            try:
                async with asyncio.timeout(0.2):
                    return await loop.sock_recv(one, 1000)
            except (OSError, TimeoutError):
                continue
    raise AssertionError("nothing was heard")


def world() -> Any:
    return Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",))


def test_a_node_port_is_reached_from_this_machine() -> None:
    async def story() -> None:
        async with world() as cluster:
            tcp, udp = (await begin(cluster))["spec"]["ports"]
            assert await until("127.0.0.1", tcp["nodePort"]) == b"heard " + b"x" * 100_000
            assert await by_datagram(udp["nodePort"], b"you") == b"heard you"
            await cluster.client.delete(PODS, "default", "p")
            assert await until("127.0.0.1", tcp["nodePort"], lambda said: said == b"") == b""
            await cluster.client.delete(SERVICES, "default", "s")
            for _ in range(200):
                with socket.socket() as free:
                    if free.connect_ex(("127.0.0.1", tcp["nodePort"])):
                        return
                await asyncio.sleep(0.02)
            raise AssertionError("the port is served still")

    asyncio.run(asyncio.wait_for(story(), 50))


def test_a_load_balancer_has_an_address_of_its_own_once_its_ports_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_ports, "_AGAIN", 0.2)

    async def story() -> None:
        async with world() as cluster:
            with socket.create_server(("127.1.0.1", 8080)):
                await begin(cluster, type="LoadBalancer")
                assert await told(cluster, "SyncLoadBalancerFailed") == "TCP port 8080 of 127.1.0.1 is in use on this machine"
                assert not (await cluster.client.get(SERVICES, "default", "s"))["status"]["loadBalancer"]
            assert (await until("127.1.0.1", 8080)).startswith(b"heard")
            for _ in range(100):
                service = await cluster.client.get(SERVICES, "default", "s")
                if service["status"]["loadBalancer"]:
                    break
                await asyncio.sleep(0.05)
            assert service["status"]["loadBalancer"]["ingress"] == [{"ip": "127.1.0.1", "ipMode": "Proxy"}]

    asyncio.run(asyncio.wait_for(story(), 50))


def test_a_service_without_a_selector_leads_where_its_slices_say() -> None:
    """Also with the controller there that makes slices of those that have one."""
    async def story() -> None:
        async with world() as cluster:
            service = await begin(cluster)
            assert (await until("127.0.0.1", service["spec"]["ports"][0]["nodePort"])).startswith(b"heard")
            pod = await cluster.client.get(PODS, "default", "p")
            ports = [{"name": "web", "port": 80}]
            spec = {"type": "NodePort", "ports": ports}
            own = await cluster.client.create(SERVICES, "default", {"metadata": {"name": "own"}, "spec": spec})
            await cluster.client.create(resource("endpointslices", "discovery.k8s.io"), "default", {
                "metadata": {"name": "own-1", "labels": {"kubernetes.io/service-name": "own"}}, "addressType": "IPv4",
                "endpoints": [{"addresses": [pod["status"]["podIP"]]}], "ports": [{"name": "web", "port": 8080}]})  # fmt: skip
            assert (await until("127.0.0.1", own["spec"]["ports"][0]["nodePort"])).startswith(b"heard")

    asyncio.run(asyncio.wait_for(story(), 50))
