"""The fabric: pods reach each other, sockets made in it carry traffic to and from this process, rules hold in it."""

import asyncio
import socket

import pytest

from wherry.linux.fabric import RulesRefused, RulesTooLarge
from wherry.node.engine import StartFailed
from wherry.node.process.client import Settings

pytestmark = pytest.mark.real_nodes

#: a server on each address of its pod that says its host name
SERVER = ("python3", "-u", "-c", """
import socket, os
s = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready")
while True:
    c, a = s.accept(); c.sendall((socket.gethostname() + " " + a[0].removeprefix("::ffff:")).encode()); c.close()
""")
CLIENT = "import socket,sys; c = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5); print(c.recv(100).decode())"


async def server(world, **fields):
    pod = await world.pod(**fields)
    await world.said(await world.start(pod, *SERVER), "ready")
    return pod


async def call(world, address, port=8080, pod=None):
    return await world.run("python3", "-c", CLIENT, address, str(port), pod=pod)


async def dial(world, address, port, place=""):
    loop = asyncio.get_running_loop()
    (one,) = await world.engine.fabric.sockets(place, ipv6=":" in address)
    with one:
        await loop.sock_connect(one, (address, port))
        return (await loop.sock_recv(one, 100)).decode()


def test_pods_reach_each_other_with_their_own_addresses(play):
    async def test(world):
        await server(world, hostname="web", addresses=("10.244.1.5",))
        return await call(world, "10.244.1.5", pod=await world.pod(addresses=("10.244.2.9",)))

    assert play(test) == (0, "web 10.244.2.9\n")


def test_this_process_reaches_a_pod_by_its_address_and_by_its_localhost(play):
    async def test(world):
        pod = await server(world, hostname="web", addresses=("10.244.1.5",))
        return await dial(world, "10.244.1.5", 8080), await dial(world, "127.0.0.1", 8080, pod.id)

    assert play(test) == ("web 10.244.0.1", "web 127.0.0.1")


def test_a_pod_reaches_this_process_on_an_address_of_the_fabric(play):
    async def test(world):
        await world.engine.fabric.address("10.96.0.1")
        await world.engine.fabric.address("10.96.0.1")
        (one,) = await world.engine.fabric.sockets()
        one.bind(("10.96.0.1", 443))

        async def answer(reader, writer):
            writer.write(b"hello " + writer.get_extra_info("peername")[0].encode())
            writer.close()

        serving = await asyncio.start_server(answer, sock=one)
        try:
            first = await call(world, "10.96.0.1", 443, pod=await world.pod(addresses=("10.244.2.9",)))
            await world.engine.fabric.release("10.96.0.1")
            await world.engine.fabric.release("10.96.0.1")
            return first, (await call(world, "10.96.0.1", 443))[0]
        finally:
            serving.close()

    first, code = play(test)
    assert first == (0, "hello 10.244.2.9\n")
    assert code != 0


def test_datagrams_too(play):
    async def test(world):
        (one,) = await world.engine.fabric.sockets(udp=True)
        one.bind(("10.244.0.1", 53))
        with one:
            loop = asyncio.get_running_loop()
            program = ("import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'q', ('10.244.0.1', 53)); "
                       "print(s.recv(9).decode())")
            id = await world.start(await world.pod(), "python3", "-c", program)
            data, peer = await loop.sock_recvfrom(one, 100)
            await loop.sock_sendto(one, data + b"!", peer)
            await world.exit_of(id)
            return world.log(id)

    assert play(test) == "q!\n"


VIP = """table ip t {
  chain pick { ip daddr 10.96.0.20 tcp dport 80 dnat to 10.244.1.5:8080; }
  chain pre { type nat hook prerouting priority dstnat; jump pick; }
  chain out { type nat hook output priority -100; jump pick; }
  chain post { type nat hook postrouting priority srcnat; ip saddr 10.244.1.5 ip daddr 10.244.1.5 masquerade; }
}
"""


def test_rules_lead_a_virtual_address_to_a_pod_also_from_itself(play):
    async def test(world):
        pod = await server(world, hostname="web", addresses=("10.244.1.5",))
        await world.engine.fabric.rules(VIP)
        other = await call(world, "10.96.0.20", 80, pod=await world.pod(addresses=("10.244.2.9",)))
        itself = await call(world, "10.96.0.20", 80, pod=pod)
        return other, itself, await dial(world, "10.96.0.20", 80)

    other, itself, here = play(test)
    assert other == (0, "web 10.244.2.9\n")
    assert itself == (0, "web 10.244.0.1\n")
    assert here == "web 10.244.0.1"


def test_rules_are_taken_as_a_whole_or_not_at_all(play):
    async def test(world):
        with pytest.raises(RulesRefused, match="syntax error"):
            await world.engine.fabric.rules("add table ip good\nadd chain ip good c\nadd rule ip good c nonsense\n")
        with pytest.raises(RulesRefused, match="No such file"):
            await world.engine.fabric.rules("list chain ip good c\n")

    play(test)


def many_rules(count):
    chains = (f"add chain ip big c{number}\nadd rule ip big c{number} ip daddr 10.96.1.1 accept\n" for number in range(count))
    return "add table ip big\n" + "".join(chains)


def test_many_rules_at_once(play):
    async def test(world):
        await world.engine.fabric.rules(many_rules(700) + "# " + "more than fits a message " * 6000)
        await world.engine.fabric.rules("list chain ip big c699\n")

    play(test)


@pytest.mark.parametrize("settings", [Settings(ids="single")], ids=["one id"])
def test_more_rules_than_the_kernel_takes_from_a_user_are_refused_by_name(play):
    async def test(world):
        with pytest.raises(RulesTooLarge):
            await world.engine.fabric.rules(many_rules(5000))
        with pytest.raises(RulesRefused, match="No such file"):
            await world.engine.fabric.rules("list table ip big\n")

    play(test)


def test_a_node_is_one_more_place_and_its_host_network_pods_are_there(play):
    async def test(world):
        place = await world.engine.fabric.node("node-1", ("10.89.0.2",))
        assert place == await world.engine.fabric.node("node-1", ("10.89.0.2",))
        await server(world, node="node-1", hostname="node-1", host_network=True, addresses=())
        return await call(world, "10.89.0.2"), await dial(world, "127.0.0.1", 8080, place)

    (code, said), here = play(test)
    assert (code, said.split()[0]) == (0, "node-1")
    assert here == "node-1 127.0.0.1"


def test_a_host_network_pod_of_a_node_without_network_is_refused(play):
    async def test(world):
        with pytest.raises(StartFailed, match="node/nowhere"):
            await world.pod(node="nowhere", host_network=True, addresses=())

    play(test)


def test_sockets_of_a_place_that_is_not_there_are_refused(play):
    async def test(world):
        with pytest.raises(KeyError):
            await world.engine.fabric.sockets("nowhere")

    play(test)


def test_many_sockets_at_once(play):
    async def test(world):
        made = await world.engine.fabric.sockets(count=150)
        kinds = {(one.family, one.gettimeout()) for one in made}
        for one in made:
            one.close()
        return len(made), kinds

    assert play(test) == (150, {(socket.AF_INET, 0.0)})


def test_an_address_of_a_removed_pod_is_free_at_once(play):
    async def test(world):
        for _ in range(5):
            pod = await server(world, addresses=("10.244.3.3",))
            await dial(world, "10.244.3.3", 8080)
            await world.engine.remove_pod(pod.id)

    play(test)


@pytest.mark.parametrize("settings", [Settings(gateway6="fd00:10:244::1", services6="fd00:10:96::/112")], ids=["dual"])
def test_both_families(play):
    async def test(world):
        pod = await server(world, hostname="web", addresses=("10.244.1.5", "fd00:10:244::5"))
        other = await call(world, "fd00:10:244::5", pod=await world.pod(addresses=("10.244.2.9", "fd00:10:244::9")))
        return other, await call(world, "10.244.1.5"), await dial(world, "fd00:10:244::5", 8080), await dial(world, "::1", 8080, pod.id)

    other, four, here, local = play(test)
    assert other == (0, "web fd00:10:244::9\n")
    assert four[1].startswith("web 10.244.0.")
    assert (here, local) == ("web fd00:10:244::1", "web ::1")
