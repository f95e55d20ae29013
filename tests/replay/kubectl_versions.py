"""Which kubectl is there, which recordings are for it, and the words that changed between the kubectl recorded and the one that plays.

Recordings called -k136 were made with kubectl 1.36, all others with 1.32. Of twins the one is played that was made with the newest kubectl
not newer than the one that is there; a recording that has no twin is played by every kubectl, and what a newer one words otherwise is
told to it in the words of 1.32.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache
from typing import Any

TWIN = "-k136"
NEW = (1, 36)


def kubectl() -> str:
    """The kubectl to use. Raises FileNotFoundError when there is none: a test that needs it must not be skipped."""
    found = os.environ.get("KUBECTL") or shutil.which("kubectl")
    if not found:
        raise FileNotFoundError("no kubectl on PATH and none in $KUBECTL")
    return found


@cache
def version(binary: str) -> tuple[int, int]:
    """Major and minor of a kubectl."""
    done = subprocess.run([binary, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True, timeout=30)
    told = json.loads(done.stdout)["clientVersion"]["gitVersion"]
    major, minor = re.match(r"v(\d+)\.(\d+)", told).groups()  # type: ignore[union-attr]
    return int(major), int(minor)


def is_new() -> bool:
    """The kubectl that is there speaks as 1.36. One that is not there is taken for an old one: the tests that need it will say so."""
    try:
        return version(kubectl()) >= NEW
    except FileNotFoundError:
        return False


def chosen(names: list[str], new: bool) -> list[str]:
    """The recordings that a kubectl plays: one of every pair of twins."""
    twins = {name for name in names if name.endswith(TWIN)}
    if new:
        return [name for name in names if name + TWIN not in twins]
    return [name for name in names if name not in twins]


def since_1_36(step: dict[str, Any]) -> dict[str, Any]:
    """A step recorded with 1.32, with what kubectl 1.36 prints where it says something else."""
    err = re.sub(r'^error: no objects passed to scale (\S+ "\S+" not found)', r"Error from server (NotFound): \1", step["stderr"])
    out = re.sub(r"(?m)^( +)ConfigMapOptional:   <nil>$", r"\1Optional:   false", step["stdout"])
    if "describe daemonset" in step["cmd"]:
        out = re.sub(r"(?m)^(Name:   \S+)$", r"\1\nNamespace:   <NS>", out)
    also = [since_1_36({"cmd": step["cmd"], "stdout": step["stdout"], "stderr": step["stderr"], **run}) for run in step.get("also", ())]
    return {**step, "stdout": out, "stderr": err, "also": also}


def as_1_32(out: str, err: str) -> tuple[str, str]:
    """Output without what only kubectl 1.36 says: the namespace of what was deleted, names of ports, the warning of an undo after an
    apply, the warning about a flag of autoscale, and another format of output.
    """
    out = re.sub(r'(?m)^(\S+ "\S+" (?:force )?deleted) from \S+ namespace', r"\1", out)
    out = re.sub(r"(?m)^( +(?:Host )?Ports?:[ \t]+.*)$", lambda m: re.sub(r" \([^)]*\)", "", m[1]), out)
    err = err.replace("jsonpath-file,kyaml,name", "jsonpath-file,name")
    err = re.sub(r"(?m)^Warning: resource \S+ was previously managed with 'kubectl apply'\..*\n", "", err)
    return out, re.sub(r"(?m)^Flag --cpu-percent has been deprecated, .*\n", "", err)
