"""Several servers on one etcd, each with the pods of its own machine: one network, and kubectl reaches all pods through any of them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.network.hosts.conftest import web
from tests.network.hosts.test_machines import address, name, pods
from tests.worlds.machines import World, eventually, world

pytestmark = [pytest.mark.real_nodes, pytest.mark.etcd, pytest.mark.skipif(os.geteuid() != 0, reason="routes are root's to set")]
NODES = ("alpha", "beta")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("servers")) as made:
        etcd = made.etcd(made.machine("198.51.100.9"))
        for number, node in enumerate(NODES, start=1):
            made.server = made.machine(f"198.51.100.{number}")
            made.up(made.server, "--runtime", "process", "--node-name", node, "--etcd-servers", etcd)
        made.apply(*web())
        made.kubectl("rollout", "status", "daemonset/web", "--timeout=40s")
        yield made


def test_their_pods_are_one_network_by_address_service_and_name(servers: World) -> None:
    there = pods(servers)
    assert sorted(there) == sorted(NODES)
    for pod in there.values():
        for other in there.values():
            eventually(lambda pod=pod, other=other: servers.ask(name(pod), f"{address(other)}:8000/hostname", 1) == name(other))
        assert set(servers.ask(name(pod), "web/hostname", times=30).split()) == {name(each) for each in there.values()}


def test_each_server_reaches_pods_of_the_others(servers: World) -> None:
    there = pods(servers)
    for machine in servers.machines[1:]:
        servers.server = machine
        for pod in there.values():
            assert servers.kubectl("exec", name(pod), "--", "cat", "/etc/hostname").strip() == name(pod)
            proxied = f"/api/v1/namespaces/default/pods/{name(pod)}:8000/proxy/hostname"
            assert servers.kubectl("get", "--raw", proxied).strip() == name(pod)
            servers.kubectl("logs", name(pod))


def test_a_second_server_with_the_same_name_is_refused(servers: World) -> None:
    third = servers.machine("198.51.100.3")
    with pytest.raises(AssertionError, match="another server on this etcd runs the node alpha: give --node-name"):
        servers.up(third, "--runtime", "process", "--node-name", "alpha", "--etcd-servers", "http://198.51.100.9:2379")


def test_ranges_and_addresses_of_nodes_are_their_own(servers: World) -> None:
    nodes = servers.get("nodes")["items"]
    assert len({node["spec"]["podCIDR"] for node in nodes}) == len(NODES)
    assert sorted(node["status"]["addresses"][0]["address"] for node in nodes) == ["198.51.100.1", "198.51.100.2"]
