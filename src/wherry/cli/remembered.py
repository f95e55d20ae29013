"""What a data directory remembers of its cluster besides its objects: how many nodes it has, so that a later start runs as many.

Read and written by `wherry up`. Without it the nodes of an earlier start would stay in the list and turn NotReady.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster

FILE = "nodes.json"
DEFAULT = 3
#: how the names of simulated nodes begin
_PREFIX = "nodes/sim-"


def nodes(home: Path, state: Path | None) -> int | None:
    """How many nodes the data directory, or the saved state, has; None when neither says."""
    if state is not None:
        from wherry.cluster.state import read

        return sum(key.startswith(_PREFIX) for key, _ in read(state).objects) or None
    try:
        found = json.loads((home / FILE).read_text())["nodes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) and found >= 0 else None


def remember(home: Path, count: int) -> None:
    (home / FILE).write_text(json.dumps({"nodes": count}) + "\n")


async def left_over(cluster: Cluster, count: int) -> int:
    """How many simulated nodes of earlier starts run beside those that were asked for."""
    from wherry.api.resources import resource

    there = {node["metadata"]["name"] for node in (await cluster.aclient.list(resource("nodes"))).items}
    return sum(name.startswith("sim-") and name[4:].isdigit() and int(name[4:]) >= count for name in there)
