"""`wherry up --detach`, then `status`, `logs`, `down`."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

from tests.cli.program import wherry


def test_up_in_the_background_until_down(tmp_path: Path) -> None:
    begun = wherry("up", "--data-dir", tmp_path, "--port", 0, "--nodes", 2, "--detach")
    assert (begun.status, begun.err) == (0, "")

    try:
        assert f"`wherry down --data-dir {tmp_path}` stops it." in begun.out
        assert "Ctrl-C" not in begun.out
        assert stat.S_IMODE((tmp_path / "kubeconfig").stat().st_mode) == 0o600
        status = wherry("status", "--data-dir", tmp_path)
        assert status.status == 0
        assert "wherry is ready at https://127.0.0.1:" in status.out
        assert "2 nodes, 4 namespaces, 0 deployments, 0 pods" in status.out
        logs = wherry("logs", "--data-dir", tmp_path)
        assert "wherry is up at" in logs.out
    finally:
        down = wherry("down", "--data-dir", tmp_path)
    assert (down.status, down.out, down.err) == (0, "wherry is down.\n", "")
    assert not (tmp_path / "running.json").exists()
    wherry("status", "--data-dir", tmp_path).refused()


def test_what_stops_a_detached_start_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert wherry("up", "--data-dir", tmp_path, "--port", port, "-d").refused().startswith(f"port {port} is taken")


def test_detach_may_stand_in_the_config_file(tmp_path: Path) -> None:
    config = tmp_path / "wherry.yaml"
    config.write_text(f"detach: true\nport: 0\ndata-dir: {tmp_path / 'home'}\n")
    begun = wherry("up", "--config", config)
    down = wherry("down", "--data-dir", tmp_path / "home")
    assert (begun.status, down.status) == (0, 0)
