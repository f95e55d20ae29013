"""Plays a recorded kubectl session with a real kubectl, and says where the output differs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from tests.replay.harness import GOLDEN, Session


def kubectl() -> str:
    """The kubectl to use. Raises when there is none: a test that needs it must not be skipped."""
    found = os.environ.get("KUBECTL") or shutil.which("kubectl")
    if not found:
        raise FileNotFoundError("no kubectl on PATH and none in $KUBECTL")
    return found


def play(name: str, session: Session, directory: Path) -> list[str]:
    """The differences, a readable block each."""
    recording: dict[str, Any] = json.loads((GOLDEN / "transcripts" / f"{name}.json").read_text())
    for file, content in recording["files"].items():
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (directory / file).write_text(content)
    environment = _environment(session, directory)
    differences = []
    restarted = 0
    for number, step in enumerate(recording["steps"]):
        if "wait" not in step:
            session.quiet()
            session.later()
        if "rollout restart" in step["cmd"]:
            second_after(restarted)
        done = subprocess.run(["bash", "-c", step["cmd"]], cwd=directory, env=environment, capture_output=True, text=True, timeout=60)
        if "rollout restart" in step["cmd"]:
            restarted = int(time.time())
        out = session.normaliser.text(done.stdout)
        err = session.normaliser.text(done.stderr, columns=False)
        if problem := _compare(step, out, err, done.returncode):
            differences.append(f"{name} step {number}: $ {step['cmd']}\n{problem}")
    return differences


def second_after(second: int) -> None:
    """Returns in a later second than that: kubectl tells the time of a restart by the machine's clock, and refuses two in one."""
    while int(time.time()) == second:
        time.sleep(0.05)


def _environment(session: Session, directory: Path) -> dict[str, str]:
    config = yaml.safe_load(Path(session.cluster.kubeconfig).read_text())
    config["contexts"][0]["context"]["namespace"] = session.namespace
    path = directory / ".kubeconfig"
    path.write_text(yaml.safe_dump(config))
    binary = directory / ".bin"
    binary.mkdir(exist_ok=True)
    (binary / "kubectl").symlink_to(kubectl())
    return {
        **os.environ,
        "KUBECONFIG": str(path),
        "PATH": f"{binary}:{os.environ['PATH']}",
        "HOME": str(directory),
        "TZ": "UTC",
        "KUBECTL_KUBERC": "false",
    }


def _compare(step: dict[str, Any], out: str, err: str, code: int) -> str:
    how = step.get("compare")
    if how == "none":
        return "" if code == step["rc"] else f"exit status {code}, expected {step['rc']}"
    wanted = [(step["stdout"], step["stderr"])] + [
        (a.get("stdout", step["stdout"]), a.get("stderr", step["stderr"])) for a in step.get("also", [])
    ]
    if code == step["rc"] and any(_same(how, o, out) and _same(how, e, err) for o, e in wanted):
        return ""
    lines = [f"exit status {code}, expected {step['rc']}"] if code != step["rc"] else []
    for label, expected, got in (("stdout", step["stdout"], out), ("stderr", step["stderr"], err)):
        if not _same(how, expected, got):
            lines += [f"{label} expected:", expected, f"{label} got:", got]
    return "\n".join(lines) or "exit status and output do not agree with any run"


def _same(how: str | None, expected: str, got: str) -> bool:
    # which of four equal nodes a pod goes to is chance, and with it the node's address
    expected, got = (re.sub(r"\b10\.0\.0\.\d+\b", "<HOST>", text) for text in (expected, got))
    if how == "lines":
        return sorted(expected.splitlines()) == sorted(got.splitlines())
    if how == "last":
        return expected.rstrip().splitlines()[-1:] == got.rstrip().splitlines()[-1:]
    return expected.rstrip("\n") == got.rstrip("\n")
