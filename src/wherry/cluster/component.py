"""A part of a cluster that runs until it is stopped: its name, who it is to the API, and what it does.

Controllers, the scheduler, the nodes and whatever else works beside the API server are such. `Cluster.run` puts one in the cluster's list
and under supervision (`kit.tasks`): so `run` must be ready to be called again after it raised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wherry.api.options import User
from wherry.kit.tasks import Work


def _well() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Component:
    """`name`: unlike that of any other, in logs and in readiness. `user`: as whom it writes.

    `health`: why it cannot do its work although it runs, "" when it can; that it does not run need not be told here.
    """

    name: str
    user: User
    run: Work
    health: Callable[[], str] = _well
