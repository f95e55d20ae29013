"""What `wherry up` refuses: one line, an exit status, and nothing damaged."""

from __future__ import annotations

import os
import socket
import sqlite3
from pathlib import Path

import pytest
import yaml

from tests.cli.program import up, wherry

FOREIGN = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "wherry-prod", "cluster": {"server": "https://prod.example"}}],
    "users": [{"name": "prod", "user": {"token": "t"}}],
    "contexts": [{"name": "prod", "context": {"cluster": "wherry-prod", "user": "prod"}}],
    "current-context": "prod",
    "preferences": {"colors": True},
}


def test_a_kubeconfig_of_somebody_else_is_refused_and_merged_into_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(FOREIGN))
    before = path.read_text()
    home = tmp_path / "home"
    line = wherry("up", "--data-dir", home, "--port", 0, "--kubeconfig", path).refused()
    assert str(path) in line
    assert "--merge" in line
    assert path.read_text() == before
    assert not home.exists()
    for _ in range(2):
        with up(home, "--kubeconfig", path, "--merge") as running:
            assert f"export KUBECONFIG={path}" in "\n".join(running.said)
    merged = yaml.safe_load(path.read_text())
    assert [c["name"] for c in merged["clusters"]] == ["wherry-prod", "wherry"]
    assert [u["name"] for u in merged["users"]] == ["prod", "wherry-admin"]
    assert [c["name"] for c in merged["contexts"]] == ["prod", "wherry"]
    assert merged["users"][0] == FOREIGN["users"][0]  # type: ignore[index]
    assert merged["preferences"] == {"colors": True}
    assert merged["current-context"] == "wherry"
    line = wherry("up", "--data-dir", home, "--port", 0, "--kubeconfig", path).refused()
    assert "--merge" in line, "a file that holds more than ours is not replaced"


def test_a_kubeconfig_of_ours_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "config"
    for _ in range(2):
        with up(tmp_path / "home", "--kubeconfig", path) as running:
            assert yaml.safe_load(path.read_text()) == running.config
            assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "kind: Pod", "\x00"])
def test_what_is_no_kubeconfig_is_not_merged_into(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    assert "not a kubeconfig" in wherry("up", "--data-dir", tmp_path / "home", "--port", 0, "--kubeconfig", path, "--merge").refused()
    assert path.read_text() == text


@pytest.mark.parametrize("option", ["--port", "--insecure-port"])
def test_a_taken_port(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = wherry("up", "--data-dir", tmp_path, "--port", 0, option, port).refused()
    assert line.startswith(f"port {port} is taken")
    assert not (tmp_path / "running.json").exists()
    with up(tmp_path) as running:
        assert running.stop()[0].status == 0


@pytest.mark.parametrize("arguments", [(), ("--ephemeral",)], ids=["on disk", "in memory"])
def test_a_data_directory_in_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with up(tmp_path, *arguments) as running:
        config = running.config
        for second in ((), ("--ephemeral",), ("--detach",)):
            line = wherry("up", "--data-dir", tmp_path, "--port", 0, *second).refused()
            assert f"pid {running.process.pid}" in line
        # the note may be gone; the lock is not
        (tmp_path / "running.json").unlink()
        for second in ((), ("--ephemeral",)):
            line = wherry("up", "--data-dir", tmp_path, "--port", 0, *second).refused()
            assert f"in use by process {running.process.pid}" in line
        assert running.config == config


def test_a_data_directory_of_a_newer_version(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        running.stop()
    with sqlite3.connect(tmp_path / "wherry.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = (tmp_path / "wherry.db").read_bytes()
    line = wherry("up", "--data-dir", tmp_path, "--port", 0).refused()
    assert "version 99" in line
    assert "newer wherry" in line
    assert (tmp_path / "wherry.db").read_bytes() == before


def test_a_damaged_store(tmp_path: Path) -> None:
    (tmp_path / "wherry.db").write_bytes(b"this is no database" * 100)
    before = (tmp_path / "wherry.db").read_bytes()
    assert "wherry.db cannot be opened" in wherry("up", "--data-dir", tmp_path, "--port", 0).refused()
    assert (tmp_path / "wherry.db").read_bytes() == before


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in wherry("up", "--data-dir", tmp_path / "file" / "home", "--port", 0).refused()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--port", "65536"), "--port"),
        (("--port", "x"), "--port"),
        (("--nodes", "-1"), "--nodes"),
        (("--pods-per-node", "0"), "--pods-per-node"),
        (("--colour",), "--colour"),
        (("extra",), "extra"),
        (("--config", "/does/not/exist"), "--config"),
    ],
)
def test_a_bad_option(arguments: tuple[str, ...], named: str) -> None:
    assert named in wherry("up", *arguments).refused()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nodez: 3\nport: 0\n", "nodez"),
        ("nodes: many\n", "nodes"),
        ("nodes: [1]\n", "nodes"),
        ("ephemeral: perhaps\n", "ephemeral"),
        ("image-missing: [1]\n", "image-missing"),
        ("- a\n", "mapping"),
        ("a: [\n", "YAML"),
    ],
)
def test_a_bad_config_file(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "wherry.yaml"
    path.write_text(text)
    assert named in wherry("up", "--data-dir", tmp_path / "home", "--config", path).refused()
    assert not (tmp_path / "home").exists()


def test_an_unknown_command() -> None:
    assert "upp" in wherry("upp").refused()


@pytest.mark.parametrize("command", ["status", "down", "kubeconfig", "logs"])
def test_commands_about_a_cluster_that_is_not_there(tmp_path: Path, command: str) -> None:
    assert str(tmp_path) in wherry(command, "--data-dir", tmp_path).refused()


def test_a_note_of_a_process_that_is_gone_counts_as_none(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        running.process.kill()
        running.process.communicate()
        note = (tmp_path / "running.json").read_text()
        # the number may be another process's by now
        (tmp_path / "running.json").write_text(note.replace(f'"pid": {running.process.pid}', f'"pid": {os.getpid()}'))
        wherry("down", "--data-dir", tmp_path).refused()
    with up(tmp_path) as again:
        assert again.stop()[0].status == 0
