"""A node of another process: the API server reaches its kubelet at its address, and the node asks the API server who may."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.streams.conftest import World
from tests.streams.host_sessions import HostSessions
from tests.streams.test_kubectl_sessions import _Echo, by_both_ways, echoed, forwarded, sh
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.client import kubeconfig
from wherry.client.http import HttpClient
from wherry.cluster import pki
from wherry.node.api.access import Access
from wherry.node.api.pods import PodRequests
from wherry.node.api.server import NodeApi
from wherry.node.engine import Usage
from wherry.rules.pods.kubelet.eviction import Observation, PodUse

pytestmark = pytest.mark.kubectl
POD: Obj = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
    "spec": {"nodeName": "other", "containers": [{"name": "c", "image": "host"}]},
}  # fmt: skip


class Runtime(HostSessions):
    """Programs of this machine; a log that goes on for as long as somebody follows it."""

    async def logs(self, pod: Obj, container: str, options: Any) -> AsyncIterator[bytes]:
        for i in range(options.tail_lines or 3):
            yield b"line %d\n" % i
        while options.follow:
            yield b"more\n"
            await asyncio.sleep(0.01)


class Pods:
    def __init__(self) -> None:
        self.items: list[Obj] = []

    def find(self, namespace: str, name: str) -> Obj | None:
        return next((pod for pod in self.items if (pod["metadata"]["namespace"], pod["metadata"]["name"]) == (namespace, name)), None)

    def all(self) -> list[Obj]:
        return self.items

    async def storage(self, used: object) -> tuple[dict[str, Observation], dict[str, PodUse]]:
        return {"nodefs.available": Observation(1, 3)}, {}

    async def used(self) -> tuple[Usage, dict[str, Usage]]:
        return Usage(100.0, 1 << 30, 5, 1000.0), {"1": Usage(2.5, 4096, 1, 1000.0)}


class Node:
    """The API of the node `other`, on a thread of its own."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        assert cluster.pki is not None
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for name, content in zip(("crt", "key"), pki.issue(cluster.pki.directory, "other", hosts=("127.0.0.1",)), strict=True):
            (directory / f"node.{name}").write_bytes(content)
        self._context.load_cert_chain(directory / "node.crt", directory / "node.key")
        self._context.load_verify_locations(cluster.pki.ca_certificate)
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._access = kubeconfig.load(kubeconfig.Overrides(kubeconfig=str(cluster.kubeconfig)), {})
        self.pods, self.port = Pods(), 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(20)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with HttpClient(self._access) as client:
            requests = PodRequests(self.pods, Runtime(), time.time)  # type: ignore[arg-type]
            api = NodeApi(Access(client, "other", time.monotonic), lambda: {"kind": "KubeletConfiguration"}, "other")
            api.serve(self.pods, requests)
            self.port = await api.start("127.0.0.1", 0, self._context)
            self._ready.set()
            await self._end.wait()
            await api.stop()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Node]]:
    with Cluster(nodes=0) as cluster:
        other = Node(cluster, tmp_path_factory.mktemp("node"))
        try:
            endpoint = {"kubeletEndpoint": {"Port": other.port}}
            status = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": endpoint}
            cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "other"}, "status": status})
            cluster.apply(POD)
            world = World(cluster, HostSessions(), Path(cluster.kubeconfig))
            _patch(world, "node/other", {"status": status})
            state = {
                "name": "c", "image": "host", "imageID": "", "containerID": "host://1", "ready": True, "restartCount": 0,
                "state": {"running": {}},
            }  # fmt: skip
            _patch(world, "pod/web", {"status": {"phase": "Running", "podIP": "127.0.0.1", "containerStatuses": [state]}})
            other.pods.items.append(json.loads(world.kubectl("get", "pod", "web", "-o", "json").stdout))
            yield world, other
        finally:
            other.stop()


def _patch(world: World, what: str, patch: Obj) -> None:
    done = world.kubectl("patch", what, "--subresource=status", "--type=merge", "-p", json.dumps(patch))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def world(node: tuple[World, Node]) -> World:
    return node[0]


@by_both_ways
def test_commands_run_on_the_other_node(world: World, way: str) -> None:
    given = os.urandom(1_000_000)
    done = sh(world, way, "cat; echo err >&2; exit 7", "-i", stdin=given)
    assert (done.stdout == given, done.stderr, done.returncode) == (True, b"err\ncommand terminated with exit code 7\n", 7)
    assert b"executable file not found" in world.kubectl("exec", "web", "--", "/no/such").stderr


@by_both_ways
def test_files_are_copied_from_and_to_it(world: World, way: str, tmp_path: Path) -> None:
    given = os.urandom(2_000_000)
    (tmp_path / "here").write_bytes(given)
    assert world.kubectl("cp", str(tmp_path / "here"), f"web:{tmp_path}/there").returncode == 0
    assert world.kubectl("cp", f"web:{tmp_path}/there", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back").read_bytes() == given


@by_both_ways
def test_its_ports_are_forwarded(world: World, way: str) -> None:
    given = os.urandom(1_000_000)
    with _Echo() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with forwarded(world, way, server.server_address[1]) as (local, _):
            assert echoed(local, given) == given
        server.shutdown()


def test_its_logs_come_and_are_followed(world: World) -> None:
    assert world.kubectl("logs", "web", "--tail=2").stdout == b"line 0\nline 1\n"
    followed = world.kubectl("logs", "-f", "web", "--limit-bytes=100000", "--request-timeout=2s")
    assert followed.stdout.startswith(b"line 0\nline 1\nline 2\nmore\nmore\n")


def test_its_own_api_is_behind_the_proxy(world: World) -> None:
    assert world.kubectl("get", "--raw", "/api/v1/nodes/other/proxy/healthz").stdout == b"ok"
    pods = json.loads(world.kubectl("get", "--raw", "/api/v1/nodes/other/proxy/pods").stdout)
    assert [pod["metadata"]["name"] for pod in pods["items"]] == ["web"]
    assert b"does not serve /metrics/probes" in world.kubectl("get", "--raw", "/api/v1/nodes/other/proxy/metrics/probes").stderr


def test_what_is_used_is_reported_in_both_forms(world: World) -> None:
    summary = json.loads(world.kubectl("get", "--raw", "/api/v1/nodes/other/proxy/stats/summary").stdout)
    assert (summary["node"]["nodeName"], summary["node"]["cpu"]["usageCoreNanoSeconds"]) == ("other", 100_000_000_000)
    (pod,) = summary["pods"]
    assert (pod["podRef"]["name"], pod["containers"][0]["name"], pod["containers"][0]["memory"]["workingSetBytes"]) == ("web", "c", 4096)
    text = world.kubectl("get", "--raw", "/api/v1/nodes/other/proxy/metrics/resource").stdout.decode()
    assert 'container_cpu_usage_seconds_total{container="c",namespace="default",pod="web"} 2.5 1000000\n' in text
    assert 'pod_memory_working_set_bytes{namespace="default",pod="web"} 4096 1000000\n' in text
    assert "node_memory_working_set_bytes 1073741824 1000000\n" in text


def test_a_command_is_run_in_one_request(world: World) -> None:
    path = "/api/v1/nodes/other/proxy/run/default/web/c?cmd="
    assert world.kubectl("create", "--raw", path + "echo+hi", "-f", "-").stdout == b"hi\n"
    assert b"exited with 1" in world.kubectl("create", "--raw", path + "false", "-f", "-").stderr


def test_what_is_not_there_is_told(world: World) -> None:
    assert b'container x is not valid for pod web' in world.kubectl("exec", "web", "-c", "x", "--", "true").stderr
    gone = {**POD, "metadata": {"name": "gone"}, "spec": {**POD["spec"], "nodeName": "nowhere"}}
    world.cluster.apply(gone)
    assert b'nodes "nowhere" not found' in world.kubectl("exec", "gone", "--", "true").stderr
    assert b'nodes "nowhere" not found' in world.kubectl("logs", "gone").stderr


def test_a_pod_that_the_node_does_not_have_is_told(world: World) -> None:
    world.cluster.apply({**POD, "metadata": {"name": "late"}})
    assert b"pod does not exist" in world.kubectl("exec", "late", "--", "true").stderr
    assert b"Error from server" in world.kubectl("logs", "late").stderr


@pytest.mark.parametrize(
    ("headers", "code"), [({}, 401), ({"Authorization": "Bearer nonsense"}, 401), ({"Authorization": "Bearer \u00e9"}, 401)]
)
def test_strangers_are_refused_by_the_node(node: tuple[World, Node], headers: dict[str, str], code: int) -> None:
    for path in ("pods", "exec/default/web/c?command=true&output=1", "containerLogs/default/web/c", "healthz", "nowhere"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(_request(node[1], path, headers), context=ssl._create_unverified_context(), timeout=10)
        assert refused.value.code == code
        refused.value.close()


def test_who_is_known_but_has_no_right_is_refused_by_the_node(node: tuple[World, Node]) -> None:
    world, other = node
    world.kubectl("create", "serviceaccount", "nobody")
    token = world.kubectl("create", "token", "nobody").stdout.decode().strip()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(
            _request(other, "pods", {"Authorization": f"Bearer {token}"}), context=ssl._create_unverified_context(), timeout=10
        )
    assert refused.value.code == 403
    assert "system:serviceaccount:default:nobody" in refused.value.read().decode()
    refused.value.close()


def _request(node: Node, path: str, headers: dict[str, str]) -> urllib.request.Request:
    return urllib.request.Request(f"https://127.0.0.1:{node.port}/{path}", headers=headers)


def test_a_kubelet_that_is_gone_is_told(world: World) -> None:
    status = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}}}
    world.cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "dead"}})
    _patch(world, "node/dead", {"status": status})
    world.cluster.apply({**POD, "metadata": {"name": "lost"}, "spec": {**POD["spec"], "nodeName": "dead"}})
    assert b"dial tcp 127.0.0.1:1: connect: connection refused" in world.kubectl("exec", "lost", "--", "true").stderr
    assert b"dial tcp 127.0.0.1:1: connect: connection refused" in world.kubectl("logs", "lost").stderr
