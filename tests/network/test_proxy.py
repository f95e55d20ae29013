"""Services that carry traffic between pods that run programs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wherry import Cluster
from wherry.api.resources import resource
from wherry.network import proxy

pytestmark = pytest.mark.real_nodes

_SERVER = """
import socket
s = socket.create_server(("0.0.0.0", 8080))
while True:
    c, _ = s.accept(); c.sendall(socket.gethostname().encode()); c.close()
"""


async def _client(fabric: Any, address: str) -> str:
    """What a new connection to port 80 of it says. Raises OSError."""
    [one] = await fabric.sockets()
    with one:
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(loop.sock_connect(one, (address, 80)), 5)
        return (await asyncio.wait_for(loop.sock_recv(one, 100), 5)).decode()


_CLIENT = """
import socket, sys
try:
    print(socket.create_connection((sys.argv[1], 80), 5).recv(100).decode(), end="")
except ConnectionRefusedError:
    print("refused", end="")
"""


async def _from_pod(cluster: Cluster, address: str) -> str:
    """What pod p gets to hear from it."""
    assert cluster.real_nodes is not None
    runtime: Any = cluster.real_nodes.runtime
    pod = await cluster.client.get(resource("pods"), "default", "p")
    session = await runtime.exec(pod, "c", ("/usr/bin/python3", "-c", _CLIENT, address))
    said: bytes = await session.stdout.read()
    await session.wait()
    await session.close()
    return said.decode()


async def _until(fabric: Any, address: str, wanted: str) -> None:
    for _ in range(400):
        try:
            said = await _client(fabric, address)
        except ConnectionRefusedError:
            said = "refused"
        except TimeoutError:
            said = "nothing"
        if said == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"it says {said}, not {wanted}")


def test_a_service_leads_to_its_pod_and_refuses_when_there_is_none() -> None:
    async def story() -> None:
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",)) as cluster:
            assert cluster.real_nodes is not None
            fabric = cluster.real_nodes.fabric
            ports = [{"port": 80, "targetPort": 8080}]
            made = await cluster.client.create(resource("services"), "default", {
                "metadata": {"name": "s", "namespace": "default"}, "spec": {"selector": {"a": "b"}, "ports": ports},
            })  # fmt: skip
            address = made["spec"]["clusterIP"]
            await _until(fabric, address, "refused")
            container = {"name": "c", "image": "x:1", "command": ["/usr/bin/python3", "-c", _SERVER]}
            await cluster.client.create(resource("pods"), "default", {
                "metadata": {"name": "p", "namespace": "default", "labels": {"a": "b"}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            })  # fmt: skip
            await _until(fabric, address, "p")
            # the only backend is the pod that asks
            assert await _from_pod(cluster, address) == "p"
            empty = await cluster.client.create(resource("services"), "default", {
                "metadata": {"name": "empty", "namespace": "default"}, "spec": {"selector": {"a": "none"}, "ports": ports},
            })  # fmt: skip
            await _until(fabric, empty["spec"]["clusterIP"], "refused")
            assert await _from_pod(cluster, empty["spec"]["clusterIP"]) == "refused"
            await cluster.client.delete(resource("pods"), "default", "p")
            await _until(fabric, address, "refused")

    asyncio.run(asyncio.wait_for(story(), 50))


async def _service(cluster: Cluster, name: str, **spec: Any) -> Any:
    ports = [{"port": 80, "targetPort": 8080}]
    return await cluster.client.create(resource("services"), "default", {
        "metadata": {"name": name, "namespace": "default"}, "spec": {"selector": {"a": "b"}, "ports": ports, **spec},
    })  # fmt: skip


async def _pod(cluster: Cluster, name: str, node: str, program: str = _SERVER) -> None:
    container = {"name": "c", "image": "x:1", "command": ["/usr/bin/python3", "-c", program]}
    await cluster.client.create(resource("pods"), "default", {
        "metadata": {"name": name, "namespace": "default", "labels": {"a": "b"}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 1, "containers": [container]},
    })  # fmt: skip


async def _said(fabric: Any, address: str, port: int, times: int = 12) -> set[str]:
    """What new connections from outside of all nodes hear."""
    heard = set()
    for _ in range(times):
        [one] = await fabric.sockets()
        with one:
            loop = asyncio.get_running_loop()
            try:
                await asyncio.wait_for(loop.sock_connect(one, (address, port)), 0.5)
                heard.add((await asyncio.wait_for(loop.sock_recv(one, 100), 5)).decode())
            except TimeoutError:
                heard.add("nothing")
                break
    return heard


def test_node_ports_policies_and_clients_that_come_back(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(proxy, "_LOOK", 0.05)

    async def story() -> None:
        async with Cluster(runtime="process", nodes=2, serve=False, image_table=("*=host",)) as cluster:
            assert cluster.real_nodes is not None
            fabric = cluster.real_nodes.fabric
            everywhere = await _service(cluster, "s", type="NodePort")
            sticky = await _service(cluster, "sticky", sessionAffinity="ClientIP")
            near = await _service(cluster, "near", internalTrafficPolicy="Local", type="NodePort", externalTrafficPolicy="Local")
            await _pod(cluster, "p", "node-0")
            await _pod(cluster, "q", "node-0")
            await _until(fabric, near["spec"]["clusterIP"], "p")
            port = everywhere["spec"]["ports"][0]["nodePort"]
            for _ in range(100):
                if await _said(fabric, "10.0.0.2", port) == {"p", "q"}:
                    break
            # on a node that has none of the pods too
            assert await _said(fabric, "10.0.0.2", port) == {"p", "q"}
            assert len(await _said(fabric, sticky["spec"]["clusterIP"], 80)) == 1
            # of this one only the pods' own node answers
            port = near["spec"]["ports"][0]["nodePort"]
            assert await _said(fabric, "10.0.0.1", port) == {"p", "q"}
            assert await _said(fabric, "10.0.0.2", port) == {"nothing"}
            assert await _from_pod(cluster, near["spec"]["clusterIP"]) in ("p", "q")

    asyncio.run(asyncio.wait_for(story(), 50))
    # nobody touched the rules, and at none of many looks did it seem so
    assert "somebody else" not in caplog.text


def test_rules_that_somebody_else_took_away_come_back(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(proxy, "_LOOK", 0.1)

    async def story() -> None:
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",)) as cluster:
            assert cluster.real_nodes is not None
            fabric: Any = cluster.real_nodes.fabric
            made = await _service(cluster, "s")
            await _pod(cluster, "p", "node-0")
            await _until(fabric, made["spec"]["clusterIP"], "p")
            for harm in ("delete table ip wherry-services", "flush table ip wherry-services"):
                await asyncio.sleep(0.3)  # two looks between which nothing changed
                await fabric.rules(harm)
                await _until(fabric, made["spec"]["clusterIP"], "p")

    asyncio.run(asyncio.wait_for(story(), 50))
    assert "somebody else changed the rules of Services" in caplog.text
