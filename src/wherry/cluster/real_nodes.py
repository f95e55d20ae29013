"""The real nodes of a cluster: their engine, with the images of its data directory, and the agent over them.

Called by `components` for `runtime="process"`. What the machine refuses is told by the engine with what to do about it, and the start
fails: nodes are never simulated instead. Not with virtual time: programs do not wait for a clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.cluster.option_values import OptionError
from wherry.kit.clock import Clock

if TYPE_CHECKING:
    from wherry.cluster.options import Options
    from wherry.node.real.nodes import Joined, RealNodes


def build(client: Client, informers: Informers, clock: Clock, options: Options, folder: Path,
          joined: Joined | None = None) -> RealNodes:
    """`folder`: of the cluster's data; `joined`: one node of another cluster instead of as many as the options say. Raises OptionError."""
    from wherry.node.images.images import Images
    from wherry.node.images.store import ImageStore
    from wherry.node.images.table import Table
    from wherry.node.process.engine import ProcessEngine
    from wherry.node.real.nodes import RealNodes

    if options.time == "virtual":
        raise OptionError("runtime: programs do not wait for a clock that stands still: time has to be real with runtime process")
    images = Images(ImageStore(folder / "images"), Table(_table(options.image_table)))
    engine = ProcessEngine(images, now=clock.now)
    return RealNodes(client, informers, clock, engine, folder / "pods", count=options.nodes, pods_per_node=options.pods_per_node,
                     routine_events=options.routine_events, joined=joined)


def _table(rows: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for row in rows:
        name, equals, stands_for = row.partition("=")
        if not (name and equals and stands_for):
            raise OptionError(f"image_table: a row is GLOB=host, not {row!r}")
        found[name] = stands_for
    return found
