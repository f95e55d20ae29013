"""Runs pytest in a process of its own on a folder of test files, as a project that uses the plugin would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent


def run(folder: Path, files: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The finished process; its `stdout` is pytest's report."""
    for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "KUBECONFIG"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--timeout=50", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
