"""Who cannot have pods of other machines is told why, and with `auto` goes on without."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from wherry import Cluster
from wherry.cluster.option_values import OptionError

ordinary = pytest.mark.skipif(os.geteuid() == 0, reason="of a cluster that an ordinary user starts")


async def _start(**options: Any) -> None:
    async with Cluster(nodes=1, **options):
        pass


@pytest.mark.parametrize(("options", "why"), [
    ({}, "it is of nodes that run programs"),
    ({"runtime": "process", "run_nodes": False}, "it is of nodes that run programs"),
    ({"runtime": "containerd"}, "how pods of a container runtime reach each other is said by its CNI"),
])  # fmt: skip
def test_where_there_are_no_pods_of_ours(options: dict[str, Any], why: str) -> None:
    with pytest.raises(OptionError, match=f"pod_network: {why}"):
        asyncio.run(_start(pod_network="vxlan", **options))


def test_ways_that_there_are_not_are_refused_by_name() -> None:
    with pytest.raises(OptionError, match=r"pod_network must be .*, not 'wireguard'"):
        Cluster(pod_network="wireguard")


@pytest.mark.real_nodes
def test_a_server_that_other_machines_do_not_reach() -> None:
    with pytest.raises(OptionError, match="pod_network: other machines do not reach this one at any address"):
        asyncio.run(_start(runtime="process", pod_network="host-gw"))


@ordinary
@pytest.mark.real_nodes
def test_an_ordinary_user_is_refused_by_name_and_with_auto_told(caplog: pytest.LogCaptureFixture) -> None:
    options = {"runtime": "process", "image_table": ("*=host",), "advertise_address": "192.0.2.10"}
    why = "this machine's routes are root's to set; run wherry as root, or give --pod-network none"
    with pytest.raises(OptionError, match=f"pod_network: pods of other machines cannot be reached: {why}"):
        asyncio.run(_start(pod_network="host-gw", **options))
    asyncio.run(_start(**options))
    assert f"pods here and pods of other machines do not reach each other: {why}" in caplog.text
