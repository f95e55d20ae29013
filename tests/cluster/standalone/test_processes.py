"""A cluster in two processes: the second is watched over, and never outlives the first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.standalone.test_standalone import DEPLOYMENTS, available, until, web
from wherry import Cluster
from wherry.cluster.controllers import ROWS
from wherry.cluster.processes import NOTE, Needs, SecondFailed, SecondProcess, split
from wherry.kit.clock import Clock

pytestmark = pytest.mark.timeout(120)


def test_each_controller_runs_in_one_of_them() -> None:
    first, second = split()
    assert {row.name for row in first}.isdisjoint(row.name for row in second)
    assert len(first) + len(second) == len(ROWS)
    assert {"deployment-controller", "namespace-controller"} <= {row.name for row in second}
    assert {"guard-controller", "crd-naming-controller", "serviceaccount-token-controller"} <= {row.name for row in first}


def test_a_rollout_and_a_second_process_that_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    with Cluster(processes=2, nodes=2) as cluster:
        assert cluster._readiness()["controllers"]
        assert cluster.second is not None
        assert cluster.scheduler is None
        pid = cluster.second.pid
        assert pid not in (0, os.getpid())
        cluster.client.create(DEPLOYMENTS, "default", web(3))
        until(lambda: available(cluster) == 3)
        fields = cluster.client.get(DEPLOYMENTS, "default", "web")["metadata"]["managedFields"]
        assert [f["manager"] for f in fields if f.get("subresource") == "status"] == ["kube-controller-manager"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not cluster._readiness()["controllers"])
        cluster.client.create(DEPLOYMENTS, "default", {**web(2), "metadata": {"name": "other"}})
        until(lambda: cluster._readiness()["controllers"])
        assert cluster.second.pid not in (0, pid)
        until(lambda: cluster.client.get(DEPLOYMENTS, "default", "other").get("status", {}).get("availableReplicas") == 2)
        pid = cluster.second.pid
    assert not _runs(pid)
    assert "ended with status -9; it is started again in 0.25 s" in caplog.text


def test_the_second_process_writes_as_the_users_of_one_process(tmp_path: Path) -> None:
    policy, log = tmp_path / "policy.json", tmp_path / "audit.log"
    rules = [{"level": "Metadata", "verbs": ["create"], "resources": [{"group": "", "resources": ["pods", "pods/binding"]}]}]
    policy.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
    with Cluster(processes=2, nodes=1, audit_policy_file=policy, audit_log_path=str(log)) as cluster:
        cluster.client.create(DEPLOYMENTS, "default", web(2))
        until(lambda: available(cluster) == 2)
    seen = {
        (event["impersonatedUser"]["username"], event["objectRef"].get("subresource", ""), event["responseStatus"]["code"])
        for event in map(json.loads, log.read_text().splitlines())
        if event["stage"] == "ResponseComplete" and "impersonatedUser" in event
    }
    assert seen == {("system:serviceaccount:kube-system:replicaset-controller", "", 201), ("system:kube-scheduler", "binding", 201)}


def test_a_first_process_that_is_killed_takes_the_second_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wherry.cli.main"]
    up = [*command, "up", "--data-dir", str(tmp_path), "--ephemeral", "--port", "0", "--nodes", "1", "--processes", "2"]
    first = subprocess.Popen(up, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until((tmp_path / "running.json").exists)
        second = int((tmp_path / NOTE).read_text())
        said = subprocess.run([*command, "status", "--data-dir", str(tmp_path)], capture_output=True, text=True, timeout=30)
        assert said.returncode == 0, said.stderr
        assert f"processes:  {first.pid} API server, store and nodes; {second} controllers and scheduler" in said.stdout
    finally:
        first.kill()
        first.wait()
    until(lambda: not _runs(second))


def test_what_does_not_go_together_is_refused() -> None:
    for fields, text in (({"processes": 3}, "processes must be a whole number from 1 to 2"),
                         ({"processes": 2, "serve": False}, "a cluster that serves"),
                         ({"processes": 2, "time": "virtual"}, "need real time")):
        with pytest.raises(ValueError, match=text), Cluster(nodes=0, **fields):
            pass


@pytest.mark.parametrize(("command", "text"), [
    ((sys.executable, "-c", "raise SystemExit(3)"), "ended with status 3 before it was ready"),
    (("/nowhere/python",), "cannot be started: No such file"),
])
def test_a_second_process_that_does_not_come_up_says_why(command: tuple[str, ...], text: str) -> None:
    async def work() -> None:
        second = SecondProcess(Needs("", ""), Clock(), command=command)
        try:
            await second.start()
            await second.until_ready()
        finally:
            await second.stop()

    with pytest.raises(SecondFailed, match=text):
        _run(work)


def _run(work: Callable[[], Any]) -> None:
    import asyncio

    asyncio.run(work())


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_stop_does_not_wait_for_a_second_process_that_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wherry.cluster.processes.STOP_TIMEOUT", 0.1)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"

    async def work() -> None:
        second = SecondProcess(Needs("", ""), Clock(), command=(sys.executable, "-c", code))
        await second.start()
        await second.until_ready()
        begun = time.monotonic()
        await second.stop()
        assert time.monotonic() - begun < 20

    _run(work)
