"""What is wherry's own process looks for cycles seldom; a program that uses the library keeps its own setting."""

from __future__ import annotations

import subprocess
import sys

from wherry.kit.garbage import THRESHOLDS


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True).stdout.strip()


def test_the_command_line_looks_seldom() -> None:
    code = "import gc, sys, atexit; atexit.register(lambda: print(gc.get_threshold())); sys.argv = ['wherry', '--version']; "
    assert run(code + "from wherry.cli.main import main; main()").endswith(str(THRESHOLDS))


def test_the_library_changes_nothing() -> None:
    code = """
import asyncio, gc
before = gc.get_threshold(), gc.get_freeze_count()
from wherry import Cluster
async def main():
    async with Cluster(nodes=1):
        pass
asyncio.run(main())
print((gc.get_threshold(), gc.get_freeze_count()) == before)
"""
    assert run(code) == "True"
