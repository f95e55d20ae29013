"""The option that lets programs of the machine reach Services and pods by their addresses, in a network namespace of the test's own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from wherry import Cluster
from wherry.cluster.option_values import OptionError
from wherry.linux.host_routes import leads_to

root = pytest.mark.skipif(os.geteuid() != 0, reason="of a cluster that root starts")
ordinary = pytest.mark.skipif(os.geteuid() == 0, reason="of a cluster that an ordinary user starts")

_STORY = """
import asyncio, json, urllib.request
from pathlib import Path
from bench.traffic import PODS, Cluster, resource, servers
from wherry.linux.fabric import RulesRefused

def ask(address):
    return urllib.request.urlopen(f"http://{address}/", timeout=5).headers["Server"]

async def answered(address):
    for _ in range(100):
        try:
            return await asyncio.to_thread(ask, address)
        except OSError:
            await asyncio.sleep(0.05)

def routes():
    return sorted(line.split()[0] for line in Path("/proc/net/route").read_text().splitlines()[1:])

async def story():
    options = {"runtime": "process", "serve": False, "image_table": ("*=host",), "expose_services": True}
    said = {}
    async with Cluster(nodes=1, **options) as cluster:
        service = await servers(cluster.client, 1)
        pod = (await cluster.client.list(PODS, "default")).items[0]["status"]["podIP"]
        said["answers"] = [await answered(service), await answered(f"{pod}:8080")]
        # hosts reach their pods whatever policies say
        deny = {"metadata": {"name": "deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
        await cluster.client.create(resource("networkpolicies", "networking.k8s.io"), "default", deny)
        while True:
            try:
                if "goto" in await cluster.real_nodes.fabric.rules("list map ip wherry-policies ingress"):
                    break
            except RulesRefused:
                pass
            await asyncio.sleep(0.05)
        said["answers"].append(await answered(f"{pod}:8080"))
        said["routes"] = routes()
        try:
            async with Cluster(nodes=1, **options):
                pass
        except Exception as error:
            said["second"] = str(error)
    for _ in range(100):  # the kernel takes a namespace away a moment after its last process
        said["left"] = routes()
        if not said["left"]:
            break
        await asyncio.sleep(0.05)
    print(json.dumps(said))
asyncio.run(asyncio.wait_for(story(), 50))
"""


@root
@pytest.mark.real_nodes
def test_the_machine_reaches_services_and_pods_and_nothing_is_left_of_it() -> None:
    done = subprocess.run(["unshare", "--net", sys.executable, "-c", _STORY], capture_output=True, text=True, check=False, timeout=58)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["answers"] == ["1", "1", "1"]
    assert said["routes"] == ["wherry-exposed"] * 3
    assert said["second"].startswith("expose_services: this machine has a way to 10.96.0.0/16, 10.244.0.0/16 already; without it ")
    assert said["left"] == []


async def _start(**options: Any) -> None:
    async with Cluster(serve=False, expose_services=True, **options):
        pass


@ordinary
@pytest.mark.real_nodes
def test_an_ordinary_user_is_told_what_it_takes() -> None:
    with pytest.raises(OptionError, match="expose_services: this machine's routes are root's to set; without it Services are reached by"):
        asyncio.run(_start(runtime="process", nodes=1, image_table=("*=host",)))


def test_clusters_whose_nodes_run_nothing_have_no_such_option() -> None:
    with pytest.raises(OptionError, match="expose_services: it is of clusters whose nodes run programs"):
        asyncio.run(_start())


@pytest.mark.parametrize(("network", "there"), [("10.244.0.0/16", True), ("10.96.0.0/12", False), ("192.0.2.0/25", True)])
def test_whose_network_it_is_is_read_from_the_routes(network: str, there: bool) -> None:
    table = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "cni0\t0003F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    assert leads_to(network, table) == there
