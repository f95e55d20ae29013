"""`wherry up` in the hands of people: pods take time, nothing is kept where nothing should be, and a start that fails leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.cli.program import COMMAND, ENVIRONMENT, up, wherry
from wherry import Cluster
from wherry.cluster.state import read


def _pod(running: Any, name: str) -> float:
    """Creates a pod; seconds until it is ready."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": name}]}}
    http_ = running.connection()
    begun = time.monotonic()
    http_.request("POST", "/api/v1/namespaces/default/pods", json.dumps(pod), {**running.bearer(), "Content-Type": "application/json"})
    assert http_.getresponse().read()
    http_.request("GET", "/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=20", headers=running.bearer())
    for line in http_.getresponse():
        conditions = json.loads(line)["object"]["status"].get("conditions", ())
        if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            break
    http_.close()
    return time.monotonic() - begun


def test_pods_take_time_unless_it_is_fast(tmp_path: Path) -> None:
    with up(tmp_path / "slow") as running:
        assert _pod(running, "a") > 2.5
    with up(tmp_path / "given", "--fast", "--ready-seconds", "1s") as running:
        assert 0.9 < _pod(running, "b") < 2.5
    with up(tmp_path / "fast", "--fast") as running:
        assert _pod(running, "c") < 0.9


def test_times_may_stand_in_the_config_file(tmp_path: Path) -> None:
    config = tmp_path / "wherry.yaml"
    config.write_text("fast: true\nready-seconds: 1.5s\nguards: false\n")
    with up(tmp_path / "home", "--config", config) as running:
        assert 1.4 < _pod(running, "a") < 3


def _ephemeral(home: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**ENVIRONMENT, "HOME": str(home), "XDG_DATA_HOME": ""}
    command = [*COMMAND, "up", "--ephemeral", "--port", "0", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            return "".join(lines)
    raise AssertionError(process.communicate()[1])


def test_what_keeps_nothing_needs_no_directory_and_two_run_at_once(tmp_path: Path) -> None:
    home = tmp_path / "nowhere"
    running = [_ephemeral(home) for _ in range(2)]
    try:
        kubeconfigs = [Path(_said(each).partition("KUBECONFIG=")[2].split()[0]) for each in running]
        assert all(path.is_file() for path in kubeconfigs)
        assert kubeconfigs[0] != kubeconfigs[1]
        assert not home.exists()
    finally:
        ended = [(each.send_signal(signal.SIGINT), each.communicate(timeout=20), each.returncode)[2] for each in running]
    assert ended == [0, 0]
    assert not any(path.parent.exists() for path in kubeconfigs)


def test_in_the_background_it_says_how_to_stop_it(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path / "nowhere"), "XDG_DATA_HOME": ""}
    begun = wherry("up", "--ephemeral", "--port", 0, "-d", env=environment)
    assert (begun.status, begun.err) == (0, "")
    stop = begun.out.partition("`wherry down ")[2].partition("`")[0].split()
    directory = Path(stop[1])
    assert wherry("down", *stop).out == "wherry is down.\n"
    end = time.monotonic() + 10
    while directory.exists() and time.monotonic() < end:
        os.sched_yield()
    assert not directory.exists()


def test_the_number_of_nodes_is_kept_with_the_data(tmp_path: Path) -> None:
    with up(tmp_path, "--nodes", 5) as running:
        running.stop()
    with up(tmp_path) as running:
        assert "5 nodes, simulated" in "\n".join(running.said)
        running.stop()
    with up(tmp_path, "--nodes", 2) as running:
        assert "3 more of an earlier start run too." in running.said
        running.stop()


def test_a_start_that_fails_leaves_no_saved_state_behind(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with Cluster(nodes=4) as cluster:
        cluster.wait_for("node/sim-3", "Ready")
        cluster.save(state)
    assert read(state).objects
    home = tmp_path / "home"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "is taken" in wherry("up", "--data-dir", home, "--port", port, "--from", state).refused()
    assert not (home / "wherry.db").exists()
    with up(home, "--from", state) as running:
        assert "4 nodes, simulated" in "\n".join(running.said)
    line = wherry("up", "--data-dir", home, "--port", 0, "--from", state).refused()
    assert "goes into an empty cluster" in line
    with up(home) as running:
        assert "4 nodes, simulated" in "\n".join(running.said), "what was there before is there still"


def test_a_file_that_is_no_saved_state_is_said_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text("")
    line = wherry("up", "--ephemeral", "--from", tmp_path / "g.json").refused()
    assert "is no saved state" in line
    assert "--ephemeral" not in line


def test_errors_of_users_are_logged_only_when_asked_for(tmp_path: Path) -> None:
    manifest = tmp_path / "all.yaml"
    manifest.write_text(
        """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: nobody, containers: [{name: c, image: c}]}}
"""
    )
    for words, told in (((), False), (("-v", "--log-format", "json"), True)):
        with up(tmp_path / f"home{told}", "--manifests", manifest, *words) as running:
            http_ = running.connection()
            http_.request("GET", "/api/v1/namespaces/default/events?watch=1&timeoutSeconds=20", headers=running.bearer())
            for line in http_.getresponse():
                if json.loads(line)["object"]["reason"] == "FailedCreate":
                    break
            http_.close()
            ended, _ = running.stop()
            said = [json.loads(line) for line in ended.err.splitlines() if told]
            assert told is any("serviceaccount" in line["msg"] and line["level"] == "info" for line in said), ended.err
            assert told or ended.err == ""
