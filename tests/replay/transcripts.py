"""Plays a recorded kubectl session with a real kubectl, and says where the output differs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from tests.replay.comparing import problem
from tests.replay.harness import GOLDEN, Session
from tests.replay.kubectl_versions import TWIN, as_1_32, is_new, kubectl, since_1_36

_DECLARED = json.loads((Path(__file__).parent / "known_differences.json").read_text())
#: step -> how it is compared instead of to the letter
LOOSELY: dict[str, str] = {step: told["compare"] for step, told in _DECLARED["loosely"].items()}


def play(name: str, session: Session, directory: Path) -> list[str]:
    """The differences, a readable block each."""
    recording: dict[str, Any] = json.loads((GOLDEN / "transcripts" / f"{name}.json").read_text())
    for file, content in recording["files"].items():
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (directory / file).write_text(content)
    environment = environment_of(session, directory)
    new_words = is_new() and not recording["kubectl"].startswith("v1.36")
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
        if new_words:
            step, (out, err) = since_1_36(step), as_1_32(out, err)
        if told := problem(loosely(name, number, step), out, err, done.returncode):
            differences.append(f"{name} step {number}: $ {step['cmd']}\n{told}")
    return differences


def loosely(name: str, number: int, step: dict[str, Any]) -> dict[str, Any]:
    """The step, compared as known_differences.json says; twins are compared alike. A status that is followed ends as recorded: what it
    says on the way depends on how soon it looks.
    """
    how = LOOSELY.get(f"{name.removesuffix(TWIN)} step {number}")
    if not how and "wait" in step and "rollout status" in step["cmd"]:
        how = "last"
    return {**step, "compare": how} if how else step


def second_after(second: int) -> None:
    """Returns in a later second than that: kubectl tells the time of a restart by the machine's clock, and refuses two in one."""
    while int(time.time()) == second:
        time.sleep(0.05)


def environment_of(session: Session, directory: Path) -> dict[str, str]:
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
