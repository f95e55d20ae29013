"""What joins the controllers of annotated workloads to the rollout library: the ones watch workloads, the other guards, remembers
and drives steps.

Called by `components` for the controllers, which call `watch` for every guarded rollout, `remember` for every new revision and `drive` for
steps. The library is imported when the first workload asks for it: a cluster without one starts without it.
"""

from __future__ import annotations

import logging

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, name, namespace
from wherry.api.resources import Resource
from wherry.reconcile import Parts

log = logging.getLogger(__name__)


async def remember(parts: Parts, row: Resource, workload: Obj) -> None:
    """The configuration of the running revision. Raises StatusError, to be tried again."""
    from wherry.rollout.errors import RolloutError
    from wherry.rollout.remembering import remember as keep
    from wherry.rollout.targets import Named

    try:
        await keep(parts.client, Named(row, name(workload)), namespace(workload))
    except RolloutError as error:
        raise StatusError(str(error)) from error


async def drive(parts: Parts, row: Resource, workload: Obj) -> None:
    """A workload's steps, until they are over. What makes them impossible becomes an event, and raises ValueError."""
    from wherry.errors import WherryError
    from wherry.rollout.errors import Deleted
    from wherry.rollout.events import tell
    from wherry.rollout.step_driver import Driver
    from wherry.rollout.step_writes import MANAGER
    from wherry.rollout.targets import Named

    try:
        await Driver(parts.client, Named(row, name(workload)), namespace(workload), now=parts.clock.now).run()
    except Deleted:
        return
    except StatusError:
        raise
    except WherryError as error:
        about = {"apiVersion": row.api_version, "kind": row.kind, **workload}
        await tell(parts.client, about, "Warning", "RolloutStepsRefused", str(error), parts.clock.now(), MANAGER)
        raise ValueError(str(error)) from error


async def watch(parts: Parts, row: Resource, workload: Obj, conditions: str) -> None:
    """One rollout, to its end. What makes guarding impossible becomes an event."""
    from wherry.rollout.errors import Deleted, RolloutError
    from wherry.rollout.events import tell
    from wherry.rollout.guard import parse
    from wherry.rollout.guarding import MANAGER, Guard
    from wherry.rollout.targets import Named

    shown = f"{row.plural}/{name(workload)}"
    try:
        guard = Guard(parts.client, Named(row, name(workload)), namespace(workload), parse(conditions), now=parts.clock.now)
        outcome = await guard.run()
        if not outcome.ok:
            log.warning("%s: %s; %s", shown, outcome.reason, outcome.trouble or f"undone to revision {outcome.undone_to}")
    except Deleted:
        return
    except (RolloutError, StatusError) as error:
        about = {"apiVersion": row.api_version, "kind": row.kind, **workload}
        await tell(parts.client, about, "Warning", "GuardRefused", str(error), parts.clock.now(), MANAGER)
