"""Sessions with pods that really run: programs of this machine in namespaces of their own, reached with kubectl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.streams.conftest import World
from tests.streams.host_sessions import HostSessions
from tests.streams.test_kubectl_sessions import by_both_ways, echoed, forwarded, sh
from wherry import Cluster

pytestmark = pytest.mark.kubectl
SERVER = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "host", "command": ["python3", "-m", "http.server", "8000"]}]},
}  # fmt: skip
LISTENER = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "listener"},
    "spec": {"restartPolicy": "Never", "containers": [{
        "name": "c", "image": "host", "stdin": True, "stdinOnce": True,
        "command": ["sh", "-c", "while read line; do echo heard $line; done"],
    }]},
}  # fmt: skip
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
           "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}]}}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Cluster(nodes=1, runtime="process", image_table=("*=host",)) as cluster:
        cluster.apply(SERVER, LISTENER, SERVICE)
        for name in ("web", "listener"):
            cluster.wait_for(f"pod/{name}", "ready")
        yield World(cluster, HostSessions(), Path(cluster.kubeconfig))


@by_both_ways
def test_a_command_runs_in_the_container(world: World, way: str) -> None:
    done = sh(world, way, "hostname; cat; echo err >&2; exit 3", "-i", stdin=b"x" * 1_000_000)
    assert (done.stdout, done.returncode) == (b"web\n" + b"x" * 1_000_000, 3)
    assert done.stderr == b"err\ncommand terminated with exit code 3\n"


@by_both_ways
def test_files_are_copied_into_and_out_of_it(world: World, way: str, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"given" * 100_000)
    assert world.kubectl("cp", str(tmp_path / "here"), "web:/tmp/there").returncode == 0
    assert world.kubectl("cp", "web:/tmp/there", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back").read_bytes() == b"given" * 100_000


@by_both_ways
def test_a_port_in_the_pods_own_network_is_forwarded(world: World, way: str) -> None:
    with forwarded(world, way, 8000) as (local, _):
        assert b"\r\n\r\nweb\n" in echoed(local, b"GET /etc/hostname HTTP/1.0\r\n\r\n").replace(b"\r\n\r\n ", b"\r\n\r\n")


def test_pods_and_services_are_behind_the_proxy(world: World) -> None:
    for what in ("pods/web:8000", "services/web:80"):
        assert world.kubectl("get", "--raw", f"/api/v1/namespaces/default/{what}/proxy/etc/hostname").stdout == b"web\n"
    missing = world.kubectl("get", "--raw", "/api/v1/namespaces/default/pods/web:8000/proxy/no/such%20file")
    assert missing.returncode != 0
    assert b"(NotFound)" in missing.stderr or b"404" in missing.stderr
    nobody = world.kubectl("get", "--raw", "/api/v1/namespaces/default/pods/web:81/proxy/")
    assert b"error trying to reach service" in nobody.stderr


def test_attach_speaks_with_the_program_itself_and_its_log_is_kept(world: World) -> None:
    done = world.kubectl("attach", "-i", "listener", stdin=b"one\ntwo\n")
    assert done.stdout.replace(b"If you don't see a command prompt, try pressing enter.\n", b"") == b"heard one\nheard two\n"
    assert world.kubectl("logs", "listener").stdout == b"heard one\nheard two\n"


def test_a_program_that_is_not_there_is_told(world: World) -> None:
    done = world.kubectl("exec", "web", "--", "/no/such")
    assert done.returncode != 0
    assert b"no such file or directory" in done.stderr
