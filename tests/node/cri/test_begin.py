"""What a container runtime has to be, and the network that it gets where it has none."""

import asyncio
import json
import os

import pytest

from tests.node.images.make import Made, programs
from tests.worlds.containerd import Containerd
from wherry.node.cri import checking, cni, groups, ownership
from wherry.node.cri.calls import Calls
from wherry.node.cri.checking import DOWN, DOWN_AFTER, State, _trouble
from wherry.node.cri.engine import CriEngine, Settings
from wherry.node.cri.health import Health
from wherry.node.cri.loading import load
from wherry.node.engine import Unavailable


class Condition:
    def __init__(self, type, reason, message):
        self.type, self.reason, self.message = type, reason, message


def test_what_is_not_ready_is_said_as_a_kubelet_says_it():
    network = Condition("NetworkReady", "NetworkPluginNotReady", "Network plugin returns error: cni plugin not initialized")
    said = ("container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
            "message:Network plugin returns error: cni plugin not initialized")
    assert _trouble({"NetworkReady": network}) == said
    runtime = Condition("RuntimeReady", "Broken", "it is")
    assert _trouble({"NetworkReady": network, "RuntimeReady": runtime}) == (
        f"[container runtime not ready: RuntimeReady=false reason:Broken message:it is, {said}]")
    assert _trouble({}) == ""


def test_a_runtime_is_down_when_it_was_silent_for_half_a_minute():
    now = 0.0
    health = Health(None, State("", False, {}, False, frozenset()), lambda: now)
    now = DOWN_AFTER - 1
    assert health.trouble() == ""
    now = DOWN_AFTER
    assert health.trouble() == DOWN


def test_a_network_is_written_where_there_is_none_and_only_there(tmp_path):
    bins = tmp_path / "bin"
    bins.mkdir()
    for plugin in ("ptp", "host-local"):
        (bins / plugin).touch(0o755)
    config = {"cni": {"confDir": str(tmp_path / "net.d"), "binDir": str(bins)}}
    path = cni.write(config, ["10.244.0.0/24", "fd00::/64"], "/data")
    said = json.loads(path.read_text())
    assert [plugin["type"] for plugin in said["plugins"]] == ["ptp"], "no portmap where it is not installed"
    assert said["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.244.0.0/24"}], [{"subnet": "fd00::/64"}]]
    assert cni.write(config, ["10.1.0.0/24"], "/data") is None
    (bins / "ptp").unlink()
    path.unlink()
    with pytest.raises(Unavailable, match="the CNI plug-in ptp is not in") as raised:
        cni.write(config, ["10.244.0.0/24"], "/data")
    assert "containernetworking-plugins" in raised.value.remedy


def test_groups_of_a_pod_and_those_above_that_are_empty_are_removed(tmp_path):
    for path in ("memory/wherry/burstable/poda", "memory/wherry/burstable/podb", "cpu/wherry/burstable/poda"):
        (tmp_path / path).mkdir(parents=True)
    groups.remove("/wherry/burstable/poda", tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "cpu", "memory", "memory/wherry", "memory/wherry/burstable", "memory/wherry/burstable/podb"]


def test_a_cluster_finds_its_own_pods_again_and_those_of_processes_that_are_gone_are_nobody_s(tmp_path):
    assert ownership.lasting(tmp_path) == ownership.lasting(tmp_path)
    mine = ownership.passing()
    assert not ownership.abandoned(mine)
    assert ownership.abandoned({**mine, ownership.PROCESS: f"{os.getpid()}-1"}), "another process of that number"
    assert not ownership.abandoned(ownership.lasting(tmp_path))


@pytest.mark.containerd
def test_a_containerd_without_its_plug_in_is_refused_with_what_to_do(tmp_path):
    import tempfile
    from pathlib import Path

    runtime = Containerd(Path(tempfile.mkdtemp(prefix="ctd-")), disabled="io.containerd.grpc.v1.cri")
    runtime.start()
    try:
        engine = CriEngine(Settings({}, str(runtime.socket)))
        with pytest.raises(Unavailable, match="does not speak the Container Runtime Interface: for containerd, take \"cri\" out of"):
            asyncio.run(engine.begin())
    finally:
        runtime.stop()


def test_a_socket_that_nobody_listens_at_is_refused(tmp_path):
    import socket

    async def version():
        calls = Calls(str(tmp_path / "s"))
        try:
            await checking.version(calls)
        finally:
            await calls.close()

    with socket.socket(socket.AF_UNIX) as unused:
        unused.bind(str(tmp_path / "s"))
        with pytest.raises(Unavailable, match=r"the container runtime at .* does not answer"):
            asyncio.run(version())


@pytest.mark.containerd
def test_archives_are_loaded_into_containerd_and_what_is_none_is_refused(containerd, tmp_path):
    archive = Made([programs(("true",))]).docker_archive(tmp_path / "x.tar", "docker.io/library/loaded:1")
    assert load(str(containerd.socket), archive) == ["docker.io/library/loaded:1"]
    assert "docker.io/library/loaded:1" in containerd.ctr("images", "list", "--quiet").stdout.split()
    (tmp_path / "none").write_text("nothing")
    with pytest.raises(Unavailable, match="none: "):
        load(str(containerd.socket), tmp_path / "none")
