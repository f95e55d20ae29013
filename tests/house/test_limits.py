"""The limits that the tests themselves are run under: they hold for a property that fails, and for a loop that swallows what is raised."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import settings

_HOOKS = "from tests.limits import pytest_timeout_cancel_timer, pytest_timeout_set_timer\n"
_SHRINKS = """
import time
from hypothesis import given, settings, strategies as st
@settings(deadline=None)
@given(st.lists(st.integers(), min_size=5))
def test_property(values):
    time.sleep(0.3)
    assert sum(values) < 0
"""
_SWALLOWS = """
import asyncio, time
async def wait():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)
    loop.call_soon(time.sleep, 1.5)  # the limit strikes in here first
    await asyncio.sleep(100)
def test_wait():
    asyncio.run(wait())
"""


@pytest.mark.parametrize("body", [_SHRINKS, _SWALLOWS], ids=["a property that shrinks", "a loop that swallows"])
def test_the_limit_ends(body: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_HOOKS)
    (tmp_path / "test_long.py").write_text(body)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "timeout=1", "-o", "pythonpath=", str(tmp_path)]
    began = time.monotonic()
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path)},
                          capture_output=True, text=True, timeout=50, check=False)  # fmt: skip
    assert "OutOfTime" in done.stdout
    assert "1 failed" in done.stdout
    assert time.monotonic() - began < 40


def test_no_example_has_a_deadline() -> None:
    assert settings.default.deadline is None
