"""`wherry demo`: plain lines in a pipe, bars on a terminal, an exit status that says how the lab went."""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.program import COMMAND, ENVIRONMENT, up, wherry
from wherry.cli.lab import Row
from wherry.cli.lab_screen import LiveScreen


def test_once_ends_with_status_0_when_every_step_reached_its_state() -> None:
    done = wherry("demo", "--once", "--fast", "--plain")
    assert (done.status, done.err) == (0, "")
    assert done.out.count("  ok: ") == 7
    assert "NOT REACHED" not in done.out
    assert done.out.isascii(), "English, and on any terminal"
    history = done.out.partition("kubectl rollout history")[2].splitlines()[2:]
    causes = ["a release that does not exist", "nginx 1.23", "nginx 1.23", "back to the first stable release, 1.21"]
    assert [line.split(None, 1) for line in history] == [[str(n), cause] for n, cause in zip((3, 4, 5, 6), causes, strict=True)]
    assert "revision 2 has replaced revision 1; 5 of 6 pods or more were available all the time" in done.out
    assert "ImagePullBackOff" in done.out


def test_the_commands_it_shows_give_the_history_it_shows(tmp_path: Path) -> None:
    """Typed by hand, with the kubectl that is there."""
    kubectl = os.environ.get("KUBECTL") or shutil.which("kubectl")
    assert kubectl is not None, "this test needs kubectl on PATH, or its path in $KUBECTL"
    said = wherry("demo", "--once", "--fast", "--plain").out
    commands = [line.partition("$ kubectl ")[2] for line in said.splitlines() if "$ kubectl " in line]
    with up(tmp_path, "--fast") as running:
        environment = {**os.environ, "KUBECONFIG": str(running.home / "kubeconfig")}

        def typed(*words: str) -> str:
            done = subprocess.run([kubectl, *words], env=environment, check=True, capture_output=True, text=True, timeout=20)
            return done.stdout

        for command in commands[:-1]:
            words = shlex.split(command)
            typed(*words)
            if words[0] != "annotate" and "999.999" not in command:
                typed("rollout", "status", "deployment/demo-app")
        shown = typed(*shlex.split(commands[-1]))
    promised = said.partition(commands[-1])[2]
    assert [line.split() for line in shown.splitlines()[1:] if line] == [line.split() for line in promised.splitlines() if line]


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_any_encoding_will_do(encoding: str) -> None:
    done = wherry("demo", "--once", "--fast", env={"PYTHONIOENCODING": encoding})
    assert (done.status, done.err) == (0, "")


def test_one_replica_is_enough() -> None:
    assert wherry("demo", "--once", "--fast", "--plain", "--replicas", 1).status == 0


def test_a_taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "is taken" in wherry("demo", "--once", "--port", taken.getsockname()[1]).refused()


def test_ctrl_c_in_the_middle_ends_it_and_gives_the_cursor_back() -> None:
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "demo"], stdout=theirs, stderr=theirs, stdin=theirs, env={**ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": "80"}
    )
    os.close(theirs)
    shown = b""
    end = time.monotonic() + 20
    while b"2/7" not in shown and time.monotonic() < end:
        shown += os.read(terminal, 65536)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() < begun + 10:
        shown += _rest(terminal)
    seconds = time.monotonic() - begun
    shown += _rest(terminal)
    os.close(terminal)
    assert process.wait(10) == 130
    assert seconds < 1.5
    assert b"Traceback" not in shown
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l"), "the cursor is shown again"


def _rest(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=False)
    rows = [
        Row(9, "nginx:1.21", 5, 0, 3, ""),
        Row(10, "registry.example.com/team/a-service-with-a-long-name:2026.11.21", 2, 4, 2, "ImagePullBackOff"),
    ]
    console.print(LiveScreen(console)._table(rows, 10))
    lines = text.getvalue().splitlines()
    assert len(lines) == 2
    assert all(len(line) <= width for line in lines)
    assert "rev 9" in lines[0]
    assert "rev 10" in lines[1]
    assert "5 ready, 3 leaving" in lines[0] or width < 80
    assert lines[0].index("█") == lines[1].index("█"), "bars begin under each other"


@pytest.mark.real_nodes
def test_with_programs_in_pods_no_request_fails_while_it_rolls() -> None:
    done = wherry("demo", "--real", "--once", "--fast", "--plain", "--replicas", 3)
    assert (done.status, done.err) == (0, "")
    assert done.out.count("  ok: ") == 7
    rolled = next(line for line in done.out.splitlines() if line.startswith("  ok: revision 2 has replaced revision 1"))
    told = re.search(r"requests answered \(revision 1: (\d+), revision 2: (\d+)\), 0 failed", rolled)
    assert told is not None, rolled
    assert min(int(told[1]), int(told[2])) > 0
