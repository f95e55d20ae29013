"""Plays the recorded kubectl sessions with `wherry` in kubectl's place, for the commands that wherry has.

A step that uses another command runs with the real kubectl, so that the session's state goes on as recorded. Recordings of kubectl 1.32 are
compared after the few changes of words that kubectl 1.36 made (`since_1_36`), because 1.36 is what wherry speaks.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.replay.comparing import problem
from tests.replay.harness import GOLDEN, Session
from tests.replay.kubectl_versions import as_1_32, since_1_36
from tests.replay.transcripts import environment_of, loosely, second_after

OURS = ("rollout", "get", "create", "apply", "set", "scale", "annotate", "label", "patch", "wait", "events", "delete")
#: not among the commands' work: other subcommands, Go templates
NOT_OURS = re.compile(r"create (configmap|secret)|set selector|go-template")
_SCRIPT = f"""#!{sys.executable}
import sys
sys.argv[0] = "kubectl"
from wherry.cli.main import main
main()
"""


def ours(command: str) -> bool:
    """The step is one that wherry does."""
    words = command.split()
    return words[0] == "kubectl" and words[1] in OURS and not NOT_OURS.search(command)


def play(name: str, session: Session, directory: Path) -> list[str]:
    """The differences, a readable block each."""
    recording: dict[str, Any] = json.loads((GOLDEN / "transcripts" / f"{name}.json").read_text())
    for file, content in recording["files"].items():
        (directory / file).write_text(content)
    environment = environment_of(session, directory)
    own = directory / ".own"
    own.mkdir()
    (own / "kubectl").write_text(_SCRIPT)
    (own / "kubectl").chmod(0o755)
    source = str(Path(__file__).parents[3] / "src")
    with_ours = {**environment, "PATH": f"{own}:{environment['PATH']}", "PYTHONPATH": source}
    old = not recording["kubectl"].startswith("v1.36")
    differences, restarted = [], 0
    for number, step in enumerate(recording["steps"]):
        if "wait" not in step:
            session.quiet()
        if "rollout restart" in step["cmd"]:
            second_after(restarted)
        mine = ours(step["cmd"])
        done = subprocess.run(["bash", "-c", step["cmd"]], cwd=directory, env=with_ours if mine else environment, capture_output=True,
                              text=True,
                              timeout=60)
        if "rollout restart" in step["cmd"]:
            restarted = int(time.time())
        out, err = session.normaliser.text(done.stdout), session.normaliser.text(done.stderr, columns=False)
        if not mine:
            continue
        expected = by_chance(since_1_36(step) if old else step)
        if told := problem(loosely(name, number, expected), *(as_1_32(out, err) if old else (out, err)), done.returncode):
            differences.append(f"{name} step {number}: $ {step['cmd']}\n{told}")
    return differences


def by_chance(step: dict[str, Any]) -> dict[str, Any]:
    """The step, compared less strictly where the output is a matter of the server's pace and not of the command's."""
    if step["cmd"].startswith("kubectl get events"):
        return {**step, "compare": "scalings" if "kind=Deployment" in step["cmd"] else "names"}
    return step
