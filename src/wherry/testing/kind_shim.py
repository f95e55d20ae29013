"""The file that is `kind` on somebody's PATH: it runs `wherry kind` with the Python that wherry is installed in."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def write(path: Path) -> None:
    """Makes the command. Raises FileExistsError rather than replacing a real kind."""
    with path.open("x", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m wherry.cli.kind "$@"\n')
    path.chmod(0o755)
