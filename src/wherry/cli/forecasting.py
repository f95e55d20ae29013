"""A rehearsal for the dashboard: what a request would do to a workload as it stands, played in a private cluster before it is done.

Given to the dashboard by `wherry dashboard` and `wherry up --dashboard`, since page and rehearsals do not know each other. Nothing in the
cluster is changed: a rehearsal only reads.
"""

from __future__ import annotations

import asyncio
from typing import Any

from wherry.client.protocol import Client
from wherry.rollout.errors import RolloutError
from wherry.rollout.last_healthy import find
from wherry.rollout.requests import Request
from wherry.rollout.targets import Named


async def forecast(client: Client, target: Named, namespace: str, asked: Request) -> dict[str, Any]:
    """The report as JSON. Raises StatusError, RolloutError."""
    from wherry.rehearse.change import Change
    from wherry.rehearse.live import read
    from wherry.rehearse.play import rehearse
    from wherry.rehearse.world import RehearsalError

    if asked.doing not in ("undo", "image", "restart"):
        raise RolloutError(f"{asked.doing} makes no new pods: there is nothing to rehearse")
    to = asked.revision if asked.doing == "undo" else None
    if to == -1:
        to = (await find(client, target, namespace)).number
    change = Change(images=dict(asked.images)) if asked.doing == "image" else Change(to_revision=to)
    try:
        world = await read(client, f"{target.resource.plural}/{target.name}", namespace)
        return (await asyncio.to_thread(rehearse, world, change)).to_json()
    except RehearsalError as error:
        raise RolloutError(str(error)) from None
