"""Runs pytest in a process of its own on a folder of test files, as a project that uses the plugin would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

#: named, since loading all that a developer has installed takes longer than most of these tests
PLUGINS = ("wherry.testing.plugin", "pytest_timeout", "pytest_asyncio.plugin", "anyio.pytest_plugin", "xdist.plugin")


def run(folder: Path, files: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The finished process; its `stdout` is pytest's report."""
    for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "KUBECONFIG"))}
    named = [word for plugin in PLUGINS for word in ("-p", plugin)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--timeout=50", *named, *arguments],
        cwd=folder,
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
