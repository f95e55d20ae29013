"""When policies hold: from a pod's first instruction, behind Services, and not for connections that are there already."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.worlds.policies import NAMESPACES, PODS, Pods, labelled, pods, policy, until
from wherry.api.resources import resource

pytestmark = pytest.mark.real_nodes
#: tries a server from its first moment on, and says in the end how often it was answered
_EAGER = """
import socket, sys, time
answered, tried, end = 0, 0, time.monotonic() + 1.5
while time.monotonic() < end:
    tried += 1
    one = socket.socket(); one.settimeout(0.1)
    try:
        one.connect((sys.argv[1], 80)); answered += bool(one.recv(10))
    except OSError: pass
    finally: one.close()
print(answered, tried, flush=True)
raise SystemExit(0 if answered else 3)
"""


async def _eager(at: Pods, name: str, **labels: str) -> int:
    """The exit code of a pod that tries x/a from its first moment on: 3 when it never got an answer."""
    container = {"name": "c", "image": "x:1", "command": ["/usr/bin/python3", "-I", "-S", "-c", _EAGER, at.addresses["x/a"]]}
    await at.cluster.client.create(PODS, "x", {
        "metadata": {"name": name, "namespace": "x", "labels": labels}, "spec": {"restartPolicy": "Never", "containers": [container]},
    })  # fmt: skip

    async def ended() -> Any:
        pod = await at.cluster.client.get(PODS, "x", name)
        [status] = (pod.get("status") or {}).get("containerStatuses") or [{}]
        return (status.get("state") or {}).get("terminated")

    return int((await until(ended))["exitCode"])


def test_a_pod_that_may_not_talk_does_not_even_in_its_first_moment() -> None:
    async def story() -> None:
        async with pods("x", "a") as at:
            await at.apply(policy("quiet", pods=labelled(role="quiet"), policyTypes=["Egress"]))
            # many at once, as a gap would be short
            codes = await asyncio.gather(*(_eager(at, f"q{each}", role="quiet") for each in range(8)), _eager(at, "free"))
            assert codes == [3] * 8 + [0]

    asyncio.run(asyncio.wait_for(story(), 50))


def test_a_policy_sees_the_pod_and_port_behind_a_service() -> None:
    async def story() -> None:
        async with pods("x", "ab") as at:
            ports = [{"port": 8080, "targetPort": 80}]
            made = await at.cluster.client.create(resource("services"), "x", {
                "metadata": {"name": "s", "namespace": "x"}, "spec": {"selector": {"pod": "a"}, "ports": ports},
            })  # fmt: skip
            asked = [("tcp", made["spec"]["clusterIP"], 8080)]

            async def answer() -> str:
                return (await at.ask("x/b", asked))[0]

            await until(answer)
            await at.apply(policy("only", pods=labelled(pod="a"), ingress=[{"ports": [{"port": 80}], "from": [{"podSelector": {}}]}]))
            await at.holds(lambda one, other: other != "x/a", port=81)
            assert await answer() == "x/a"
            await at.apply(policy("out", pods=labelled(pod="b"), egress=[{"ports": [{"port": 8080}]}], policyTypes=["Egress"]))
            await at.holds(lambda one, other: one != "x/b")
            assert await answer() == ""

    asyncio.run(asyncio.wait_for(story(), 50))


def test_a_connection_that_is_there_stays_and_a_new_one_is_not_let_in() -> None:
    async def story() -> None:
        async with pods("x", "ab") as at:
            # a connection of b to a's port for orders, which stays open
            [inside] = await at.fabric.sockets(await _uid(at, "b"))
            await asyncio.get_running_loop().sock_connect(inside, (at.addresses["x/a"], 9000))
            reader, writer = await asyncio.open_connection(sock=inside)
            await at.apply(policy("deny", pods=labelled(pod="a"), policyTypes=["Ingress", "Egress"]))
            await at.holds(lambda one, other: "x/a" not in (one, other))
            writer.write(b"[0.1, []]\n")
            assert await reader.readline() == b"[]\n"
            writer.close()

    asyncio.run(asyncio.wait_for(story(), 50))


async def _uid(at: Pods, name: str) -> str:
    return str((await at.cluster.client.get(PODS, "x", name))["metadata"]["uid"])


def test_pods_of_the_hosts_network_are_their_node() -> None:
    """Theirs is allowed to pods of the same node, and whoever lets in the node's address lets them in elsewhere."""

    async def story() -> None:
        async with pods("x", "ab") as at:
            node = (await at.cluster.client.get(PODS, "x", "a"))["spec"]["nodeName"]
            await at.apply(policy("deny", policyTypes=["Ingress", "Egress"]))
            await at.holds(lambda one, other: False)
            here = await at.fabric.node(node, ())
            [other] = [name for name in ("node-0", "node-1") if name != node]
            there = await at.fabric.node(other, ())
            assert await _connects(at, here)
            assert not await _connects(at, there)
            address = (await at.cluster.client.get(resource("nodes"), "", other))["status"]["addresses"][0]["address"]
            await at.apply(policy("node", ingress=[{"from": [{"ipBlock": {"cidr": f"{address}/32"}}]}]))
            await until(lambda: _connects(at, there))

    asyncio.run(asyncio.wait_for(story(), 50))


async def _connects(at: Pods, place: str) -> bool:
    [one] = await at.fabric.sockets(place)
    try:
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(one, (at.addresses["x/a"], 80)), 0.5)
    except (OSError, TimeoutError):
        return False
    finally:
        one.close()
    return True


def test_a_pod_does_not_start_where_its_rules_cannot_be_had_and_its_event_says_so() -> None:
    async def story() -> None:
        async with pods("", "") as at:
            await at.cluster.client.create(NAMESPACES, "", {"metadata": {"name": "x"}})
            fabric = at.fabric
            genuine = fabric.rules

            async def refusing(text: str) -> Any:
                if "wherry-policies" in text:
                    from wherry.linux.fabric import RulesRefused

                    raise RulesRefused("Operation not permitted")
                return await genuine(text)

            fabric.rules = refusing
            await at.apply(policy("deny", policyTypes=["Egress"]))
            await until(lambda: _account(at))
            await at.make("x", "a")

            async def told() -> list[str]:
                events = (await at.cluster.client.list(resource("events"), "x")).items
                return [each["message"] for each in events if each["reason"] == "FailedCreatePodSandBox"]

            [message, *_] = await until(told)
            assert "Operation not permitted" in message
            pod = await at.cluster.client.get(PODS, "x", "a")
            assert pod["status"]["phase"] == "Pending"
            fabric.rules = genuine
            await at.ready("x", "a")

    asyncio.run(asyncio.wait_for(story(), 50))


async def _account(at: Pods) -> bool:
    return bool((await at.cluster.client.list(resource("serviceaccounts"), "x")).items)


@pytest.mark.parametrize("damage", ["flush ruleset", "delete table ip wherry-policies", "flush chain ip wherry-policies to-pods",
                                    "flush map ip wherry-policies ingress"])  # fmt: skip
def test_rules_that_somebody_else_took_away_are_written_again(damage: str) -> None:
    async def story() -> None:
        async with pods("x", "ab") as at:
            await at.apply(policy("deny", policyTypes=["Ingress"]))
            await at.holds(lambda one, other: False)
            await at.fabric.rules(damage + "\n")
            await at.holds(lambda one, other: True)
            await until(lambda: _closed(at))
            await at.holds(lambda one, other: False)

    asyncio.run(asyncio.wait_for(story(), 50))


async def _closed(at: Pods) -> bool:
    return await at.reached() == at.expected(lambda one, other: False)


def test_a_pod_that_may_not_go_out_asks_for_names_only_where_a_policy_lets_it_ask_kube_dns() -> None:
    async def story() -> None:
        async with pods("x", "ab") as at:
            await until(lambda: _open(at))
            await at.apply(policy("deny", pods=labelled(pod="a"), policyTypes=["Egress"]))
            await at.holds(lambda one, other: one != "x/a")
            assert not await _open(at)
            kube_dns = {"namespaceSelector": labelled(**{"kubernetes.io/metadata.name": "kube-system"}),
                        "podSelector": labelled(**{"k8s-app": "kube-dns"})}  # fmt: skip
            ports = [{"port": 53, "protocol": "UDP"}, {"port": 53}]
            await at.apply(policy("names", egress=[{"to": [kube_dns], "ports": ports}], policyTypes=["Egress"]))
            await until(lambda: _open(at))
            await at.holds(lambda one, other: False)

    asyncio.run(asyncio.wait_for(story(), 50))


async def _open(at: Pods) -> bool:
    """Whether x/a gets a connection to the name server."""
    [one] = await at.fabric.sockets(await _uid(at, "a"))
    try:
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(one, ("10.96.0.10", 53)), 0.5)
    except (OSError, TimeoutError):
        return False
    finally:
        one.close()
    return True


#: a datagram with another's address as its sender
_SPOOF = """
import socket, struct, sys
source, target = (socket.inet_aton(each) for each in sys.argv[1:3])
udp = struct.pack("!4H", 5555, 80, 9, 0) + b"?"
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source, target)
one = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for _ in range(3):
    one.sendto(ip + udp, (sys.argv[2], 0))
print("sent")
"""


@pytest.mark.parametrize("sender", ["a", "b"])
def test_a_pod_cannot_go_out_under_the_address_of_another(sender: str) -> None:
    """Pod b may send as itself, as a raw packet too; a, which may not go out, not as b."""

    async def story() -> None:
        async with pods("x", "abc") as at:
            await at.apply(policy("deny", pods=labelled(pod="a"), policyTypes=["Egress"]))
            await at.holds(lambda one, other: one != "x/a")
            [answers] = await at.fabric.sockets(await _uid(at, "b"), udp=True)
            answers.bind(("0.0.0.0", 5555))
            pod = await at.cluster.client.get(PODS, "x", sender)
            assert at.cluster.real_nodes is not None
            runtime: Any = at.cluster.real_nodes.runtime
            words = ("/usr/bin/python3", "-c", _SPOOF, at.addresses["x/b"], at.addresses["x/c"])
            session = await runtime.exec(pod, "c", words)
            assert await session.stdout.read() == b"sent\n"
            await session.wait()
            await session.close()
            try:
                said = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(answers, 100), 1)
            except TimeoutError:
                said = b""
            answers.close()
            assert said == (b"x/c" if sender == "b" else b"")

    asyncio.run(asyncio.wait_for(story(), 50))


def test_a_way_out_of_the_cluster_is_open_to_addresses_that_a_policy_lets_out_to() -> None:
    async def story() -> None:
        async with pods("x", "ab", pods_outbound=True) as at:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(b"outside")
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            assert at.cluster.outbound is not None
            at.cluster.outbound.dial = lambda host, _: asyncio.open_connection("127.0.0.1", port)
            # addresses for documentation (RFC 5737): nobody has them
            asked = [("tcp", each, 80) for each in ("203.0.113.5", "198.51.100.5")]
            assert await at.ask("x/a", asked, 3) == ["outside", "outside"]
            out = {"ipBlock": {"cidr": "203.0.113.0/24"}}
            await at.apply(policy("out", pods=labelled(pod="a"), egress=[{"to": [out], "ports": [{"port": 80}]}], policyTypes=["Egress"]))
            await at.holds(lambda one, other: one != "x/a")
            assert await at.ask("x/a", [*asked, ("tcp", "203.0.113.5", 81)], 1) == ["outside", "", ""]
            assert await at.ask("x/b", asked, 3) == ["outside", "outside"]
            server.close()
            await server.wait_closed()

    asyncio.run(asyncio.wait_for(story(), 50))
