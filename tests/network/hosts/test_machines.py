"""Pods of several machines reach each other by address, by Service and by name, as policies let them; cut, mended, killed, and gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.worlds.machines import World, eventually

pytestmark = [pytest.mark.real_nodes, pytest.mark.skipif(os.geteuid() != 0, reason="routes are root's to set")]
DENY = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"],
                 "ingress": [{"from": [{"podSelector": {"matchLabels": {"may": "ask"}}}]}]}}  # fmt: skip


#: the link of another fabric of the same machine
SECOND = """
import asyncio, os
from wherry.linux import calls
from wherry.linux.host_link import HostLink
here = os.open("/proc/self/ns/net", os.O_RDONLY)
calls.unshare(calls.NEWNET)
link = HostLink(os.open("/proc/self/ns/net", os.O_RDONLY), "198.51.100.2", "0a:77:00:00:00:00")
calls.setns(here)
try:
    asyncio.run(link.begin())
except FileExistsError:
    link.end()
    print("taken")
"""


def pods(world: World) -> dict[str, Any]:
    """By node."""
    return {pod["spec"]["nodeName"]: pod for pod in world.get("pods", "-l", "app=web")["items"]}


def address(pod: Any) -> str:
    return str(pod["status"]["podIP"])


def name(pod: Any) -> str:
    return str(pod["metadata"]["name"])


def test_pods_reach_each_other_by_address_by_service_and_by_name(machines: World) -> None:
    there = pods(machines)
    assert sorted(there) == ["far-1", "far-2", "node-0"]
    for pod in there.values():
        for other in there.values():
            assert machines.ask(name(pod), f"{address(other)}:8000/hostname") == name(other)
        assert set(machines.ask(name(pod), "web/hostname", times=30).split()) == {name(each) for each in there.values()}


def test_a_pod_is_seen_under_its_own_address(machines: World) -> None:
    there = pods(machines)
    machines.ask(name(there["far-1"]), f"{address(there['far-2'])}:8000/hostname?seen")
    line = next(each for each in machines.kubectl("logs", name(there["far-2"])).splitlines() if "?seen" in each)
    assert line.startswith(address(there["far-1"]))


def test_pods_of_machines_that_joined_ask_the_api(machines: World) -> None:
    program = "import ssl, urllib.request as r; print(r.urlopen('https://kubernetes.default.svc/version', context=c()).status)"
    ca = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    program = program.replace("c()", f"ssl.create_default_context(cafile='{ca}')")
    assert machines.kubectl("exec", name(pods(machines)["far-1"]), "--", "python3", "-c", program).strip() == "200"


def test_the_server_reaches_pods_of_other_machines(machines: World) -> None:
    """By its proxy, which comes from the pods' network."""
    there = pods(machines)["far-2"]
    assert machines.kubectl("get", "--raw", f"/api/v1/namespaces/default/pods/{name(there)}:8000/proxy/hostname").strip() == name(there)


def test_the_servers_machine_reaches_services_whose_pods_are_elsewhere_and_its_own_pods(machines: World) -> None:
    """With --expose-services."""
    there = pods(machines)
    service = machines.get("service", "web")["spec"]["clusterIP"]
    program = "import sys, urllib.request as r\nfor each in sys.argv[1:]:\n    print(r.urlopen(f'http://{each}/hostname').read().decode())"
    said = machines.server.run(sys.executable, "-c", program, *[service] * 30).split()
    assert set(said) == {name(each) for each in there.values()}
    assert machines.server.run(sys.executable, "-c", program, f"{address(there['node-0'])}:8000").strip() == name(there["node-0"])


def test_pods_reach_no_program_of_their_machine_over_the_link(machines: World) -> None:
    """The API server listens on all addresses there are."""
    assert "No route to host" in machines.ask(name(pods(machines)["node-0"]), "169.254.245.1:6443")


def test_ports_of_pods_elsewhere_are_forwarded(machines: World) -> None:
    pod = name(pods(machines)["far-1"])
    with machines.server.popen(*machines.command("port-forward", f"pod/{pod}", "18000:8000"), stdout=subprocess.PIPE) as forwarding:
        try:
            assert forwarding.stdout is not None
            assert b"Forwarding from" in forwarding.stdout.readline()
            program = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:18000/hostname').read().decode())"
            assert machines.server.run(sys.executable, "-c", program).strip() == pod
        finally:
            forwarding.terminate()


def test_node_ports_lead_to_pods_of_all_machines(machines: World) -> None:
    """At 127.0.0.1 of the server's, and at the address that the other one was given."""
    ports = [{"port": 80, "targetPort": 8000}]
    machines.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside"},
                    "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": ports}})  # fmt: skip
    number = machines.get("service", "outside")["spec"]["ports"][0]["nodePort"]
    names = {name(each) for each in pods(machines).values()}
    program = "import sys, urllib.request as r\nfor _ in range(30):\n    print(r.urlopen(f'http://{sys.argv[1]}/hostname').read().decode())"
    for at in (f"127.0.0.1:{number}", f"198.51.100.2:{number}"):
        eventually(lambda at=at: set(machines.server.run(sys.executable, "-c", program, at, check=False).split()) == names)


def test_a_policy_holds_across_machines(machines: World) -> None:
    there = pods(machines)
    one, other = there["far-1"], there["far-2"]
    machines.apply(DENY)
    try:
        own = f"http://{address(there['node-0'])}:8000/hostname"
        program = f"import urllib.request as r; print(r.urlopen('{own}', timeout=3).status)"
        eventually(lambda: "failed" in machines.ask(name(one), f"{address(other)}:8000/hostname", 0.3))
        assert "failed" in machines.ask(name(there["node-0"]), f"{address(other)}:8000/hostname", 0.3)
        assert machines.server.run(sys.executable, "-c", program).strip() == "200", "hosts reach their own pods"
        machines.kubectl("label", "pod", name(one), "may=ask")
        eventually(lambda: machines.ask(name(one), f"{address(other)}:8000/hostname") == name(other))
        assert "failed" in machines.ask(name(there["node-0"]), f"{address(other)}:8000/hostname", 0.3)
    finally:
        machines.kubectl("delete", "networkpolicy", "deny")
    eventually(lambda: machines.ask(name(there["node-0"]), f"{address(other)}:8000/hostname") == name(other))


@pytest.mark.parametrize("way", ["down", "dropping"])
def test_cut_and_mended(machines: World, way: str) -> None:
    there = pods(machines)
    cut = machines.machines[2]
    with getattr(cut, way)():
        assert "failed" in machines.ask(name(there["far-1"]), f"{address(there['far-2'])}:8000/hostname", 0.5)
    if way == "down":  # the kernel took the routes along
        cut.run("ip", "route", "add", "default", "via", "198.51.100.254", "onlink", "dev", "eth0")
    eventually(lambda: machines.ask(name(there["far-1"]), f"{address(there['far-2'])}:8000/hostname", 1) == name(there["far-2"]))
    eventually(lambda: "failed" not in machines.ask(name(there["far-2"]), f"{address(there['far-1'])}:8000/hostname", 1))
    assert len(cut.routes()) == 5


def test_routes_that_somebody_takes_away_come_back(machines: World) -> None:
    machine = machines.machines[1]
    before = machine.routes()
    machine.run("ip", "route", "flush", "proto", "119")
    eventually(lambda: machine.routes() == before)


def test_a_second_wherry_of_a_machine_does_not_take_the_first_ones_routes(machines: World) -> None:
    """It says so, and its own pods stay alone."""
    machine = machines.machines[1]
    before = machine.routes()
    assert machine.run(sys.executable, "-c", SECOND).strip() == "taken"
    assert machine.routes() == before


def test_killed_and_started_again_it_finds_old_routes_and_mends_them(machines: World) -> None:
    machine, before = machines.machines[2], pods(machines)["far-2"]
    routes = machine.routes()
    machine.end(signal.SIGKILL)
    machine.run("ip", "route", "replace", "10.199.0.0/24", "via", "198.51.100.1", "proto", "119")
    assert "10.199.0.0/24" in machine.routes(), "routes to others outlive a kill"
    machines.join(machine)
    eventually(lambda: machine.routes() == routes)
    machines.kubectl("wait", "--for=condition=Ready", f"pod/{name(before)}", "--timeout=30s")
    one, other = pods(machines)["far-1"], pods(machines)["far-2"]
    eventually(lambda: machines.ask(name(one), f"{address(other)}:8000/hostname", 1) == name(other))


def test_a_node_that_is_deleted_is_led_to_no_more_and_a_machine_that_stops_leaves_nothing(machines: World) -> None:
    """The last story of this world."""
    machine, others = machines.machines[2], machines.machines[:2]
    network = next(node["spec"]["podCIDR"] for node in machines.get("nodes")["items"] if node["metadata"]["name"] == "far-2")
    assert all(network in each.routes() for each in others)
    machine.end()
    assert machine.routes() == {}
    assert "wherry" not in machine.run("ip", "link")
    machines.kubectl("delete", "node", "far-2")
    for each in others:
        eventually(lambda each=each: network not in each.routes())
    machines.machines[1].end()
    machines.server.end()
    for each in machines.machines:
        assert each.routes() == {}
        assert "wherry" not in each.run("ip", "link")
