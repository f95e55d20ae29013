"""Names as programs in pods resolve them, over UDP and TCP, and what questions that make no sense do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import dnslib
import pytest

from wherry import Cluster
from wherry.api.resources import resource

pytestmark = pytest.mark.real_nodes
PODS, SERVICES, STATEFUL_SETS = resource("pods"), resource("services"), resource("statefulsets", "apps")

RESOLVE = """
import json, socket, sys
def of(name):
    try:
        return sorted({each[4][0] for each in socket.getaddrinfo(name, None, socket.AF_INET)})
    except socket.gaierror as error:
        return error.args[0] == socket.EAI_NONAME or error.args[1]
def called(address):
    try:
        return socket.gethostbyaddr(address)[0]
    except OSError as error:
        return str(error)
print(json.dumps([called(each[1:]) if each[0] == "@" else of(each) for each in sys.argv[1:]]))
"""


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "x:1", "command": ["sleep", "1000"]}
    return {"metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}}  # fmt: skip


async def running(cluster: Any, name: str) -> Any:
    found: Any = {}
    while not any(c["type"] == "Ready" and c["status"] == "True" for c in (found.get("status") or {}).get("conditions") or ()):
        await asyncio.sleep(0.02)
        found = await cluster.client.get(PODS, "default", name)
    return found


async def heard(cluster: Any, pod: Any, *words: str) -> str:
    session = await cluster.real_nodes.runtime.exec(pod, "c", words)
    said: bytes = await session.stdout.read()
    await session.wait()
    await session.close()
    return said.decode()


async def resolved(cluster: Any, pod: Any, *names: str) -> list[Any]:
    """Addresses of each name, True for one that does not exist; of `@ADDRESS` its name."""
    return json.loads(await heard(cluster, pod, "/usr/bin/python3", "-c", RESOLVE, *names))  # type: ignore[no-any-return]


async def until(cluster: Any, pod: Any, names: Sequence[str], expected: Callable[[list[Any]], bool]) -> list[Any]:
    for _ in range(300):
        if expected(found := await resolved(cluster, pod, *names)):
            return found
    raise AssertionError(found)


async def asked(cluster: Any, data: bytes, *, stream: bool = False) -> bytes:
    """From the pods' own network."""
    fabric = cluster.real_nodes.fabric
    loop = asyncio.get_running_loop()
    [one] = await fabric.sockets(udp=not stream)
    with one:
        await loop.sock_connect(one, ("10.96.0.10", 53))
        await loop.sock_sendall(one, (len(data).to_bytes(2, "big") if stream else b"") + data)
        said = await asyncio.wait_for(loop.sock_recv(one, 65535), 5)
        return said[2:] if stream else said


def world(**options: Any) -> Any:
    return Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",), dns_forward=("none",), **options)


def test_what_programs_find_under_the_clusters_names() -> None:
    async def story() -> None:
        async with world() as cluster:
            client = cluster.client
            made = await client.create(SERVICES, "default", {
                "metadata": {"name": "web"}, "spec": {"selector": {"app": "p"}, "ports": [{"port": 80}]}})  # fmt: skip
            address = made["spec"]["clusterIP"]
            await client.create(SERVICES, "default", {
                "metadata": {"name": "db"}, "spec": {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 1}]}})  # fmt: skip
            await client.create(STATEFUL_SETS, "default", {
                "metadata": {"name": "db"}, "spec": {"serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": {
                    **pod("db"), "metadata": {"labels": {"app": "db"}}}}})  # fmt: skip
            await client.create(PODS, "default", pod("p"))
            p = await running(cluster, "p")
            db = (await running(cluster, "db-0"))["status"]["podIP"]
            assert await heard(cluster, p, "cat", "/etc/resolv.conf") == (
                "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n")  # fmt: skip
            names = ("web", "web.default", "web.default.svc.cluster.local", "kube-dns.kube-system", "db", "db-0.db", f"@{address}", "none",
                     "www.example.com", "kubernetes")  # fmt: skip
            found = await until(cluster, p, names, lambda found: found[4] is not True)
            called = "web.default.svc.cluster.local"
            assert found == [[address]] * 3 + [["10.96.0.10"], [db], [db], called, True, True, ["10.96.0.1"]]
            await client.delete(SERVICES, "default", "web")
            await until(cluster, p, ["web"], lambda found: found[0] is True)

    asyncio.run(asyncio.wait_for(story(), 55))


def test_questions_over_tcp_many_in_one_connection_and_nonsense() -> None:
    async def story() -> None:
        async with world() as cluster:
            question = dnslib.DNSRecord.question("kubernetes.default.svc.cluster.local", "A")
            for stream in (False, True, False):
                said = dnslib.DNSRecord.parse(await asked(cluster, question.pack(), stream=stream))
                assert (str(said.a.rdata), said.header.id) == ("10.96.0.1", question.header.id)
            mail = dnslib.DNSRecord.question("kubernetes.default.svc.cluster.local", "MX")
            nothing = dnslib.DNSRecord.parse(await asked(cluster, mail.pack()))
            assert (nothing.header.rcode, nothing.rr, nothing.auth[0].rtype) == (0, [], dnslib.QTYPE.SOA)
            unknown = dnslib.DNSRecord.parse(await asked(cluster, dnslib.DNSRecord.question("x.default.svc.cluster.local").pack()))
            assert (unknown.header.rcode, unknown.auth[0].rtype) == (dnslib.RCODE.NXDOMAIN, dnslib.QTYPE.SOA)
            garbage = await asked(cluster, b"\x12\x34" + b"\x01" * 12)
            assert (garbage[:2], garbage[3] & 15) == (b"\x12\x34", dnslib.RCODE.FORMERR)
            counted = {tuple(labels): value for labels, value in next(cluster.names.families()).values}
            assert counted["tcp", "NOERROR"] == 1
            assert counted["udp", "NXDOMAIN"] == 1

    asyncio.run(asyncio.wait_for(story(), 50))


def test_pods_have_the_names_that_they_ask_for() -> None:
    async def story() -> None:
        async with world() as cluster:
            config = {"nameservers": ["192.0.2.1"], "searches": ["example"], "options": [{"name": "ndots", "value": "2"}]}
            await cluster.client.create(PODS, "default", pod("p", dnsPolicy="None", dnsConfig=config))
            assert await heard(cluster, await running(cluster, "p"), "cat", "/etc/resolv.conf") == (
                "search example\nnameserver 192.0.2.1\noptions ndots:2\n")  # fmt: skip

    asyncio.run(asyncio.wait_for(story(), 50))
