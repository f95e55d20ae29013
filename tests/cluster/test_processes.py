"""A cluster of several processes: all serve reads and watches, one does the rest, and none outlives the first."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cluster.standalone.test_standalone import DEPLOYMENTS, available, until, web
from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster.option_values import OptionError
from wherry.cluster.processes import ProcessFailed, ReadProcess

# what aiohttp's client leaves of TLS connections is collected here: its affair, not ours
pytestmark = [
    pytest.mark.timeout(120), pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]  # fmt: skip
MAPS = resource("configmaps")


@pytest.fixture(scope="module")
def several() -> Iterator[Any]:
    with Cluster(processes=3, nodes=2) as cluster:
        yield cluster


def by_each(cluster: Any, work: Callable[[aiohttp.ClientSession], Any]) -> None:
    """On connections until every process had one, told by who holds its socket."""
    async def all_() -> None:
        context = ssl.create_default_context(cadata=cluster.pki.ca_pem)
        served: set[int] = set()
        pids = {os.getpid(), *(each.pid for each in cluster.further.readers)}
        begun = time.monotonic()
        while served != pids:
            assert time.monotonic() - begun < 30, f"only {served} of {pids} took connections"
            connector = aiohttp.TCPConnector(ssl=context)
            headers = {"Authorization": f"Bearer {cluster.pki.token}"}
            async with aiohttp.ClientSession(cluster.url, connector=connector, headers=headers) as session:
                async with session.get("/api/v1/namespaces/default/configmaps") as answer:
                    assert answer.status == 200
                    assert answer.connection is None or answer.connection.transport is not None
                [(connection, _)] = next(iter(connector._conns.values()))
                port = connection.transport.get_extra_info("sockname")[1]
                served.add(_holder(port, pids))
                await work(session)

    asyncio.run(all_())


def _holder(port: int, pids: set[int]) -> int:
    """The process at the other end of a connection from this port of this machine."""
    inode = ""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[2].rpartition(":")[2], 16) == port and fields[3] == "01":
            inode = fields[9]
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if os.readlink(entry) == f"socket:[{inode}]":
                    return pid
    raise AssertionError(f"nobody holds the connection from port {port}")


def test_whoever_is_asked_answers_as_one_server(several: Any) -> None:
    async def work(session: aiohttp.ClientSession) -> None:
        name = f"m-{time.time_ns()}"
        path = "/api/v1/namespaces/default/configmaps"
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}
        async with session.post(path, json=made) as answer:
            assert answer.status == 201, await answer.text()
            version = (await answer.json())["metadata"]["resourceVersion"]
        async with session.get(f"{path}/{name}") as answer:
            assert (await answer.json())["metadata"]["resourceVersion"] == version
        async with session.get(f"{path}?watch=true&resourceVersion={version}") as watch:
            async with session.patch(f"{path}/{name}", json={"data": {"a": "2"}},
                                     headers={"Content-Type": "application/merge-patch+json"}) as answer:  # fmt: skip
                assert answer.status == 200, await answer.text()
            event = json.loads(await watch.content.readline())
            assert (event["type"], event["object"]["data"]) == ("MODIFIED", {"a": "2"})
        async with session.delete(f"{path}/{name}") as answer:
            assert answer.status == 200
        async with session.get(f"{path}/{name}") as answer:
            assert (answer.status, (await answer.json())["reason"]) == (404, "NotFound")
        async with session.get("/readyz") as answer:
            assert await answer.text() == "ok"
        for other in ("/metrics", "/apis", "/openapi/v2", "/version"):
            async with session.get(other) as answer:
                assert answer.status == 200, other
        async with session.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={
            "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}) as answer:  # fmt: skip
            assert (await answer.json())["status"]["userInfo"]["username"] == "admin"
        async with session.get(path, headers={"Impersonate-User": "nobody"}) as answer:
            assert answer.status == 403
        async with session.post(path, json=made, headers={"Impersonate-User": "nobody"}) as answer:
            assert answer.status == 403
            assert 'User "nobody" cannot create resource "configmaps"' in (await answer.json())["message"]

    by_each(several, work)


def test_a_rollout_is_followed_and_logs_come_from_the_first_process(several: Any) -> None:
    several.client.create(DEPLOYMENTS, "default", web(3))
    until(lambda: available(several) == 3)
    name = next(pod["metadata"]["name"] for pod in several.client.list(resource("pods"), "default").items)

    async def work(session: aiohttp.ClientSession) -> None:
        async with session.get(f"/api/v1/namespaces/default/pods/{name}/log") as answer:
            assert answer.status == 200
            assert "simulated" in await answer.text()
        upgrade = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"}
        async with session.post(f"/api/v1/namespaces/default/pods/{name}/exec?command=ls&stdout=true", headers=upgrade) as answer:
            assert (answer.status, (await answer.json())["reason"]) == (501, "NotImplemented")

    by_each(several, work)


def test_a_custom_kind_is_served_by_all(several: Any) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    several.client.create(resource("customresourcedefinitions", "apiextensions.k8s.io"), "", {
        "metadata": {"name": "toys.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "toys", "kind": "Toy"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}})  # fmt: skip
    several.wait_for("crd/toys.example.com", lambda crd: any(c["type"] == "Established" for c in crd["status"].get("conditions") or ()))

    async def work(session: aiohttp.ClientSession) -> None:
        path, name = "/apis/example.com/v1/namespaces/default/toys", f"t-{time.time_ns()}"
        toy = {"apiVersion": "example.com/v1", "kind": "Toy", "metadata": {"name": name}}
        async with session.post(path, json=toy) as answer:
            assert answer.status == 201, await answer.text()
        async with session.get(f"{path}/{name}") as found:
            assert (await found.json())["kind"] == "Toy"

    by_each(several, work)


def test_rights_of_a_service_account_hold_in_all(several: Any) -> None:
    several.client.create(resource("serviceaccounts"), "default", {"metadata": {"name": "reader"}})
    space = "/api/v1/namespaces/default"

    async def work(session: aiohttp.ClientSession) -> None:
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        async with session.post(f"{space}/serviceaccounts/reader/token", json=asked) as answer:
            token = (await answer.json())["status"]["token"]
        for given, status in ((token, 403), ("wrong", 401)):
            for path in (f"{space}/configmaps", f"{space}/pods/p/log"):
                async with session.get(path, headers={"Authorization": f"Bearer {given}"}) as answer:
                    assert answer.status == status, path

    by_each(several, work)


def test_one_that_is_killed_is_started_again_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    with Cluster(processes=2, nodes=1) as cluster:
        assert cluster.further is not None
        [reader] = cluster.further.readers
        pid = reader.pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: not all(cluster._readiness().values()))
        cluster.client.create(MAPS, "default", {"metadata": {"name": "meanwhile"}})
        until(lambda: all(cluster._readiness().values()))
        assert reader.pid not in (0, pid)

        async def work(session: aiohttp.ClientSession) -> None:
            async with session.get("/api/v1/namespaces/default/configmaps/meanwhile") as answer:
                assert answer.status == 200

        by_each(cluster, work)
        pid = reader.pid
    assert not _runs(pid)
    assert "process 2 ended with status -9; it is started again in 0.25 s" in caplog.text


def test_a_first_process_that_is_killed_takes_the_others_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wherry.cli.main"]
    up = [*command, "up", "--data-dir", str(tmp_path), "--ephemeral", "--port", "0", "--nodes", "1", "--processes", "3"]
    first = subprocess.Popen(up, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until((tmp_path / "running.json").exists)
        others = [int(pid) for task in Path(f"/proc/{first.pid}/task").iterdir() for pid in (task / "children").read_text().split()]
        assert len(others) == 2
        said = subprocess.run([*command, "status", "--data-dir", str(tmp_path)], capture_output=True, text=True, timeout=30)
        assert said.returncode == 0, said.stderr
        assert f"processes:  3 serve reads and watches; {first.pid} does all else" in said.stdout
    finally:
        first.kill()
        first.wait()
    for pid in others:
        until(lambda pid=pid: not _runs(pid))  # type: ignore[misc]


def test_only_this_user_may_speak_as_anybody(several: Any) -> None:
    place = several.data_folder() / "processes.sock"
    assert place.stat().st_mode & 0o777 == 0o600


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    for fields, text in (
        ({"processes": 65}, "processes must be a whole number from 1 to 64"),
        ({"processes": 2, "serve": False}, "a cluster that serves"),
        ({"processes": 2, "time": "virtual"}, "need real time"),
        ({"processes": 2, "data_dir": tmp_path / ("long" * 30)}, "too long for the name of a socket"),
        ({"processes": 2, "audit_policy_file": _policy(tmp_path), "audit_log_path": str(tmp_path / "log")}, "written by one process"),
    ):
        with pytest.raises(OptionError, match=text), Cluster(nodes=0, **fields):  # type: ignore[arg-type]
            pass
    with Cluster(processes=2, nodes=0) as cluster, pytest.raises(ValueError, match="not in a cluster with `processes`"):
        cluster.faults.api_error(500)


def _policy(folder: Path) -> Path:
    policy = folder / "policy.json"
    policy.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "None"}]}))
    return policy


@pytest.mark.parametrize(("command", "text"), [
    ((sys.executable, "-c", "raise SystemExit(3)"), "process 3 ended with status 3 before it was ready"),
    (("/nowhere/python",), "process 3 cannot be started: No such file"),
])  # fmt: skip
def test_one_that_does_not_come_up_says_why(command: tuple[str, ...], text: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with Cluster(nodes=0, run_controllers=False, processes=2) as cluster:
            assert cluster.further is not None
            reader = ReadProcess(cluster, cluster.further.replication, tmp_path / "s", 3, command)
            try:
                await reader.start()
                await reader.until_ready()
            finally:
                await reader.stop()

    with pytest.raises(ProcessFailed, match=text):
        asyncio.run(work())


def test_a_stop_does_not_wait_for_one_that_does_not_listen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("wherry.cluster.processes.STOP_TIMEOUT", 0.5)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"

    async def work() -> None:
        async with Cluster(nodes=0, run_controllers=False, processes=2) as cluster:
            assert cluster.further is not None
            reader = ReadProcess(cluster, cluster.further.replication, tmp_path / "s", 3, (sys.executable, "-c", code))
            await reader.start()
            await reader.until_ready()
            begun = time.monotonic()
            await reader.stop()
            assert time.monotonic() - begun < 20

    asyncio.run(work())


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
