"""`wherry backup`, `restore` and `migrate` as a user has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import Up, up, wherry
from tests.worlds.etcd import EtcdServer


def made(running: Up, name: str) -> int:
    body = json.dumps({"metadata": {"name": name}, "data": {"a": "b"}})
    connection = running.connection()
    connection.request("POST", "/api/v1/namespaces/default/configmaps", body, {**running.bearer(), "Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


def status_of(running: Up, name: str) -> int:
    connection = running.connection()
    connection.request("GET", f"/api/v1/namespaces/default/configmaps/{name}", headers=running.bearer())
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_running_cluster_is_copied_and_restored(tmp_path: Path) -> None:
    home, copy, new = tmp_path / "home", tmp_path / "copy.db", tmp_path / "new"
    with up(home, "--no-run-nodes") as running:
        assert made(running, "before") == 201
        done = wherry("backup", copy, "--data-dir", home)
        assert (done.status, done.err) == (0, "")
        assert "objects in" in done.out
        assert "with the cluster's keys" in done.out
        assert made(running, "after") == 201
        assert wherry("backup", copy, "--data-dir", home).refused() == f"{copy} exists: give another name, or take it away"
        assert wherry("restore", copy, "--data-dir", home).refused().startswith(f"{home} is in use by process ")
    assert copy.stat().st_mode & 0o077 == 0
    assert wherry("restore", copy, "--data-dir", new).status == 0
    with up(new, "--no-run-nodes") as running:
        assert (status_of(running, "before"), status_of(running, "after")) == (200, 404)


@pytest.mark.etcd
def test_a_cluster_that_runs_does_not_move(tmp_path: Path) -> None:
    with EtcdServer() as server:
        at = ("--etcd-servers", server.url)
        with up(tmp_path / "home", "--no-run-nodes") as running:
            assert made(running, "m") == 201
            assert "is in use by process" in wherry("migrate", "to-etcd", "--data-dir", tmp_path / "home", *at).refused()
        moved = wherry("migrate", "to-etcd", "--data-dir", tmp_path / "home", *at)
        assert moved.status == 0, moved.err
        assert f"copied into etcd at {server.url}" in moved.out
        with up(tmp_path / "home", "--no-run-nodes", *at) as running:
            assert f"objects in etcd at {server.url}" in running.said[0]
            assert "No nodes of its own: they join, or run elsewhere." in running.said
            assert status_of(running, "m") == 200
            refused = wherry("migrate", "to-sqlite", "--data-dir", tmp_path / "back", *at).refused()
            assert "stop it first" in refused


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    assert wherry("backup", tmp_path / "copy.db", "--data-dir", tmp_path / "none").refused() == f"there is no directory {tmp_path / 'none'}"
    assert wherry("restore", tmp_path / "none.db", "--data-dir", tmp_path / "new").refused() == f"there is no {tmp_path / 'none.db'}"
    assert wherry("migrate", "to-etcd", "--data-dir", tmp_path).refused() == "migrate: give --etcd-servers"
