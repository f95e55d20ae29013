"""Growth: rollouts of 1,000, 5,000 and 20,000 pods, each in a process of its own: time and memory per pod, and how they grow."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.setup import SERIES, SETTINGS

SIZES = ((1_000, 20), (5_000, 100), (20_000, 400))
_PROGRAM = """
import asyncio, gc, json, sys
from bench.rollout import once
from wherry.cluster.thread import new_loop
from wherry.kit.garbage import look_seldom
def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096
async def main(replicas, nodes):
    create, roll, size, memory = await once(replicas, nodes, None, resident, quiet=len(sys.argv) > 3)
    print(json.dumps({"create": create, "roll": roll, "size": size, "memory": memory}))
look_seldom()  # as the command line does
loop = new_loop()
loop.run_until_complete(main(int(sys.argv[1]), int(sys.argv[2])))
"""


def run() -> Iterator[tuple[str, float]]:
    first: dict[str, float] = {}
    curve = SERIES["growth"] = {"pods": [], "ms per pod to create": [], "ms per pod to roll": [], "KB resident per pod": []}
    for most, nodes in SIZES:
        pods = SETTINGS.scaled(most, 10)
        curve["pods"].append(pods)
        found = _run(pods, SETTINGS.scaled(nodes))
        for what in ("create", "roll"):
            each = found[what] / pods * 1000
            curve[f"ms per pod to {what}"].append(each)
            yield f"ms per pod to {what}, {pods:,} pods", each
            if what in first:
                yield f"ms per pod to {what}, {pods:,} pods, times that of the fewest", each / first[what]
            else:
                first[what] = each
        curve["KB resident per pod"].append(found["memory"] / pods / 1024)
        yield f"KB resident per pod, {pods:,} pods", found["memory"] / pods / 1024
    yield f"KB resident per pod, {pods:,} pods (quiet nodes)", _run(pods, SETTINGS.scaled(nodes), "quiet")["memory"] / pods / 1024


def _run(pods: int, nodes: int, *more: str) -> dict[str, float]:
    command = [sys.executable, "-c", _PROGRAM, str(pods), str(nodes), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(done.stdout)
    return found
