"""`wherry up` as a user meets it: what it says, what it writes, how it stops."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.cli.program import COMMAND, ENVIRONMENT, Ended, up, wherry


def test_it_says_where_things_are_and_that_nodes_are_simulated(tmp_path: Path) -> None:
    with up(tmp_path / "home", "--nodes", 2) as running:
        text = "\n".join(running.said)
        assert running.url in text
        assert str(tmp_path / "home") in text
        assert "2 nodes, simulated" in text
        assert f"export KUBECONFIG={tmp_path / 'home' / 'kubeconfig'}" in text
        assert len(running.said) <= 8
        assert stat.S_IMODE((tmp_path / "home" / "kubeconfig").stat().st_mode) == 0o600
        assert running.config["current-context"] == "wherry"
        assert [c["name"] for c in running.config["contexts"]] == ["wherry"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_stops_it_within_a_second_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    with up(tmp_path) as running:
        watching, idle = running.connection(), running.connection()
        watching.request("GET", "/api/v1/pods?watch=1", headers=running.bearer())
        assert watching.getresponse().status == 200
        idle.request("GET", "/readyz", headers=running.bearer())
        assert idle.getresponse().read() == b"ok"
        ended, seconds = running.stop(number)
        watching.close()
        idle.close()
    assert ended == Ended(0, "", "")
    assert seconds < 1.0
    assert not (tmp_path / "running.json").exists()


def test_a_signal_in_the_middle_of_a_start_stops_it_as_cleanly(tmp_path: Path) -> None:

    command = [*COMMAND, "up", "--data-dir", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    end = time.monotonic() + 10
    while not (tmp_path / "wherry.db").exists() and time.monotonic() < end:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    assert out == "" or "wherry is up" in out


def test_objects_are_there_after_the_next_start_but_ephemeral_ones_are_not(tmp_path: Path) -> None:
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}})
    found = []
    for arguments in ((), (), ("--ephemeral",), ()):
        with up(tmp_path, *arguments) as running:
            http_ = running.connection()
            http_.request("GET", "/api/v1/namespaces/default/configmaps/kept", headers=running.bearer())
            reply = http_.getresponse()
            reply.read()
            found.append(reply.status)
            if reply.status == 404 and not arguments:
                http_.request(
                    "POST", "/api/v1/namespaces/default/configmaps", body, {**running.bearer(), "Content-Type": "application/json"}
                )
                assert http_.getresponse().read()
            http_.close()
            assert running.stop()[0].status == 0
    assert found == [404, 200, 404, 200]


def test_credentials_are_asked_for(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        statuses = []
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}, running.bearer()):
            http_ = running.connection()
            http_.request("GET", "/api/v1/nodes", headers=headers)
            reply = http_.getresponse()
            statuses.append(reply.status)
            assert json.loads(reply.read())["kind"] == ("Status" if reply.status != 200 else "NodeList")
            http_.close()
    assert statuses == [403, 401, 403, 200]


def test_the_insecure_port_serves_plain_http_on_loopback(tmp_path: Path) -> None:
    with up(tmp_path, "--insecure-port", 0) as running:
        line = next(line for line in running.said if line.startswith("Plain HTTP at "))
        assert "whoever can connect there may do everything" in line
        address = line.removeprefix("Plain HTTP at http://").partition(": ")[0]
        http_ = http.client.HTTPConnection(address, timeout=10)
        http_.request("GET", "/api/v1/nodes")
        assert http_.getresponse().status == 200
        http_.close()


def test_images_named_missing_cannot_be_pulled(tmp_path: Path) -> None:
    with up(tmp_path, "--image-missing", "*:bad", "--image-missing", "gone/*") as running:
        http_ = running.connection()
        for name, image in (("a", "nginx:bad"), ("b", "gone/x:1"), ("c", "nginx:999.0")):
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": image}]}}
            http_.request(
                "POST",
                "/api/v1/namespaces/default/pods",
                json.dumps(pod),
                {**running.bearer(), "Content-Type": "application/json"},
            )
            assert http_.getresponse().read()
        states: dict[str, str] = {}
        http_.request("GET", "/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=10", headers=running.bearer())
        for line in http_.getresponse():
            pod = json.loads(line)["object"]
            for status in pod["status"].get("containerStatuses", ()):
                state = status["state"]
                states[pod["metadata"]["name"]] = state["waiting"]["reason"] if "waiting" in state else next(iter(state))
            if set(states.values()) == {"ImagePullBackOff", "running"} and len(states) == 3:
                break
        http_.close()
    assert states == {"a": "ImagePullBackOff", "b": "ImagePullBackOff", "c": "running"}


def test_a_config_file_has_the_same_keys_and_the_command_line_wins(tmp_path: Path) -> None:
    config = tmp_path / "wherry.yaml"
    config.write_text(yaml.safe_dump({"nodes": 5, "ephemeral": True, "image-missing": "*:bad", "pods_per_node": 20}))
    with up(tmp_path / "home", "--config", config, "--nodes", 1) as running:
        text = "\n".join(running.said)
        assert "in memory only" in text
        assert "1 node, simulated" in text


def test_kubectl_uses_the_client_certificate(tmp_path: Path) -> None:
    kubectl = os.environ.get("KUBECTL") or shutil.which("kubectl")
    assert kubectl is not None, "this test needs kubectl on PATH, or its path in $KUBECTL"
    with up(tmp_path / "home"):
        printed = wherry("kubeconfig", "--data-dir", tmp_path / "home", "--client-certificate")
        assert printed.status == 0
        assert "token" not in printed.out
        path = tmp_path / "certificate.yaml"
        path.write_text(printed.out)
        who = subprocess.run(
            [kubectl, "--kubeconfig", str(path), "auth", "whoami", "-o", "json"], capture_output=True, text=True, timeout=20, check=True
        )
    user = json.loads(who.stdout)["status"]["userInfo"]
    assert user["username"] == "wherry-admin"
    assert "system:masters" in user["groups"]


def test_kubeconfig_prints_the_one_with_the_token(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        printed = wherry("kubeconfig", "--data-dir", tmp_path)
        assert yaml.safe_load(printed.out) == running.config
