"""A machine whose pods have no way to others, and one whose firewall passes nothing on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.network.hosts.conftest import web
from tests.network.hosts.test_machines import address, name, pods
from tests.worlds.machines import eventually, world

pytestmark = [pytest.mark.real_nodes, pytest.mark.skipif(os.geteuid() != 0, reason="machines are made by root")]


#: as Docker leaves it
FORWARD = "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }"


def test_a_machine_that_passes_nothing_on_takes_the_tunnel(tmp_path: Path) -> None:
    with world(tmp_path) as machines:
        machines.serve(machines.machine("198.51.100.1"), "--runtime", "process", "--nodes", "1")
        shut = machines.machine("198.51.100.2")
        shut.run("nft", FORWARD)
        machines.join(shut)
        machines.apply(*web())
        machines.kubectl("rollout", "status", "daemonset/web", "--timeout=30s")
        there = pods(machines)
        one, other = there["node-0"], there["far-1"]
        for pod, target in ((one, other), (other, one)):
            eventually(lambda pod=pod, target=target: machines.ask(name(pod), f"{address(target)}:8000/hostname", 1) == name(target))
        assert "pods of other machines are reached by vxlan" in shut.log.read_text()


def test_services_lead_to_pods_that_are_reached(tmp_path: Path) -> None:
    with world(tmp_path) as machines:
        machines.serve(machines.machine("198.51.100.1"), "--runtime", "process", "--nodes", "2")
        machines.join(machines.machine("198.51.100.2"), "--pod-network", "none")
        machines.apply(*web())
        machines.kubectl("rollout", "status", "daemonset/web", "--timeout=30s")
        there = pods(machines)
        alone = there.pop("far-1")
        assert set(machines.ask(name(alone), "web/hostname", times=20).split()) == {name(alone)}
        for pod in there.values():
            assert set(machines.ask(name(pod), "web/hostname", times=30).split()) == {name(each) for each in there.values()}
            assert "failed" in machines.ask(name(pod), f"{address(alone)}:8000/hostname", 0.5)
        assert [machine.routes() for machine in machines.machines] == [{
            "10.0.0.1": "10.244.0.0", "10.0.0.2": "10.244.0.0", "10.244.0.0": "wherry-hosts", "10.244.0.0/24": "10.244.0.0",
            "10.244.1.0/24": "10.244.0.0"}, {}]  # fmt: skip


def test_machines_that_joined_a_server_without_programs_have_all_of_it_among_themselves(tmp_path: Path) -> None:
    """Its simulated pods answer nobody, so Services do not lead there."""
    ca = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    api = ("import ssl, urllib.request as r; context = ssl.create_default_context(cafile='" + ca + "'); "
           "print(r.urlopen('https://kubernetes.default.svc/version', context=context).status)")  # fmt: skip
    with world(tmp_path) as machines:
        machines.serve(machines.machine("198.51.100.1"), "--nodes", "1", "--fast")
        for number in (2, 3):
            machines.join(machines.machine(f"198.51.100.{number}"))
        machines.apply(*web())
        machines.kubectl("rollout", "status", "daemonset/web", "--timeout=30s")
        there = pods(machines)
        there.pop("sim-0")
        names = {name(each) for each in there.values()}
        for pod in there.values():
            eventually(lambda pod=pod: set(machines.ask(name(pod), "web/hostname", 1, times=20).split()) == names)
            assert machines.kubectl("exec", name(pod), "--", "python3", "-c", api).strip() == "200"
            proxied = f"/api/v1/namespaces/default/pods/{name(pod)}:8000/proxy/hostname"
            assert machines.kubectl("get", "--raw", proxied).strip() == name(pod), "by its kubelet's API"
