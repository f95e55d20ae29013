"""gRPC probes, asked of gRPC's own server: on loopback, and in a pod."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import grpc
import pytest

from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.node.real import grpc_probe
from wherry.node.runtime import Probed

#: runs in a pod; the health service as grpcio-health-checking has it, message by message
SERVER = """
import concurrent.futures, os, time, grpc
class Health(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(lambda asked, _: b"\\x08\\x02" if os.path.exists("/tmp/ill") else b"\\x08\\x01")
server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[Health()])
server.add_insecure_port("0.0.0.0:9000")
server.start()
time.sleep(1000)
"""


class Health(grpc.GenericRpcHandler):  # type: ignore[misc]
    """By the name of the service that is asked about."""

    def service(self, call: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self.check) if call.method == "/grpc.health.v1.Health/Check" else None

    async def check(self, asked: bytes, context: Any) -> bytes:
        if asked == b"\x0a\x04slow":
            await asyncio.sleep(30)
        if asked == b"\x0a\x02no":
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return {b"": b"\x08\x01", b"\x0a\x02up": b"\x08\x01", b"\x0a\x04down": b"\x08\x02", b"\x0a\x04zero": b""}[asked]


async def ask(port: int, service: str = "", seconds: float = 5.0) -> Probed:
    async def connect() -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
        except BaseException:
            made.close()
            raise
        return made

    return await grpc_probe.probe(connect, f"127.0.0.1:{port}", service, seconds)


@pytest.mark.parametrize(("service", "seconds", "success", "output"), [
    ("", 5.0, True, "service healthy"),
    ("up", 5.0, True, "service healthy"),
    ("down", 5.0, False, 'service unhealthy (responded with "NOT_SERVING")'),
    ("zero", 5.0, False, 'service unhealthy (responded with "UNKNOWN")'),
    ("no", 5.0, False, "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"),
    ("slow", 0.3, False, "timeout: health rpc did not complete within 0.3s"),
])  # fmt: skip
def test_what_a_server_answers(service: str, seconds: float, success: bool, output: str) -> None:
    async def story() -> None:
        server = grpc.aio.server(handlers=[Health()])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            assert await ask(port, service, seconds) == Probed(success, output)
        finally:
            await server.stop(0)

    asyncio.run(story())


def test_a_server_without_health_checks() -> None:
    async def story() -> None:
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            found = await ask(port)
        finally:
            await server.stop(0)
        assert not found.success
        assert found.output.startswith("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ")

    asyncio.run(story())


def test_nobody_listens_as_long_as_the_probe_may_take() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        found = asyncio.run(ask(port, seconds=0.3))
    text = f'timeout: failed to connect service "127.0.0.1:{port}" within 0.3s: context deadline exceeded'
    assert found == Probed(False, text)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_server_of_something_else(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(said)
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        found = await ask(server.sockets[0].getsockname()[1])
        server.close()
        assert not found.success
        assert found.output.startswith("error: health rpc probe failed: rpc error: code = Unavailable desc = ")

    asyncio.run(story())


@pytest.mark.real_nodes
def test_a_pod_is_ready_as_its_service_says() -> None:
    paths = sorted({sys.prefix, sys.base_prefix})
    volumes = [{"name": f"v{number}", "hostPath": {"path": path}} for number, path in enumerate(paths)]
    container = {
        "command": [sys.executable, "-c", SERVER], "readinessProbe": {"grpc": {"port": 9000}, "periodSeconds": 1, "timeoutSeconds": 3},
        "volumeMounts": [{"name": f"v{number}", "mountPath": path} for number, path in enumerate(paths)],
    }  # fmt: skip

    async def story() -> None:
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",)) as cluster:
            world = World(cluster, "process")
            await world.pod("p", "", container=container, volumes=volumes)
            await world.ready("p")
            await world.run("p", "touch", "/tmp/ill")
            await world.until("p", lambda status: not status["containerStatuses"][0]["ready"])
            await world.told("p", "Unhealthy")

    asyncio.run(asyncio.wait_for(story(), 50))
