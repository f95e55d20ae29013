"""A kustomization built by kustomize itself, for what is not done here: replacements, Helm charts, plug-ins, remote bases.

Called by `kustomize` when it meets a field it does not know. The tool is looked for on PATH: `kustomize`, or a `kubectl` that is not this
program under that name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from wherry.cli.kube.errors import CommandError


def built(directory: Path, missing: Exception) -> str:
    """The manifests. `missing`: why it cannot be built here; raised when no tool is there."""
    command = _command(directory)
    if command is None:
        raise missing
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError(done.stderr.strip().removeprefix("error: ").removeprefix("Error: ") or f"{command[0]} failed")
    return done.stdout


def _command(directory: Path) -> list[str] | None:
    if tool := shutil.which("kustomize"):
        return [tool, "build", str(directory)]
    tool = shutil.which("kubectl")
    if tool is None or _is_ours(tool):
        return None
    return [tool, "kustomize", str(directory)]


def _is_ours(tool: str) -> bool:
    """This program, called by another name."""
    try:
        with open(tool, "rb") as file:
            if b"wherry" in file.read(4096):
                return True
        return os.path.samefile(tool, sys.argv[0])
    except OSError:
        return False
