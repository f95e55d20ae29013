"""The code of docs/testing.md, and the projects in examples/, run as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown import CodeBlockParser

from tests.testing.inner import run

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "testing.md"

pytestmark = pytest.mark.timeout(120)


def blocks() -> list[str]:
    """The Python of the tutorial, in order."""
    found: list[str] = []
    parser = CodeBlockParser("python", lambda example: found.append(str(example.parsed)))
    for example in Document.parse(str(TUTORIAL), parser).examples():
        example.evaluate()
    return found


@pytest.mark.slow
@pytest.mark.kubectl
def test_the_tests_of_the_tutorial_pass(tmp_path: Path) -> None:
    files = {block.splitlines()[0].removeprefix("# "): block for block in blocks() if block.startswith("# test_")}
    assert len(files) == 6
    done = run(tmp_path, files)
    assert "10 passed" in done.stdout, done.stdout + done.stderr


def test_the_other_code_of_the_tutorial_runs() -> None:
    others = [block for block in blocks() if not block.startswith("# test_")]
    assert len(others) == 2
    for block in others:
        exec(compile(block, str(TUTORIAL), "exec"), {})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rollback", "operator", "deploy_script", "job_launcher"])
def test_an_example(tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, project, ignore=shutil.ignore_patterns(".pytest_cache", "__pycache__"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "KUBECONFIG"))}
    command = [sys.executable, "-m", "pytest", "-q"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
