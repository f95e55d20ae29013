"""What the controllers of StatefulSets and DaemonSets share: the writing of ControllerRevisions.

A plan that makes or changes a revision is carried out here; the key comes back at once. When a new revision's name is taken, the
one that has it is used if it is the same, and counted as a collision if not. Rules: `wherry.rules.workloads.revisions`.
"""

from __future__ import annotations

from wherry.api import objects
from wherry.api.errors import AlreadyExists, NotFound
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.reconcile import Controller
from wherry.rules.objects.plan import Create, Plan
from wherry.rules.workloads import revisions

REVISIONS = resource("controllerrevisions", "apps")


async def write(controller: Controller, owner: Obj, plan: Plan) -> None:
    """Carry out a history's plan, and look at the owner again with what was written. Raises what failed."""
    applied = await controller.apply(plan)
    if applied.error is None:
        controller.queue.add(objects.key(owner))
        return
    if not isinstance(applied.error, AlreadyExists) or not isinstance(applied.failed, Create):
        raise applied.error
    existing = await _find(controller, applied.failed.obj)
    if existing is None or revisions.is_the_one(owner, existing):
        if existing is not None:
            controller.parts.informers.absorb(REVISIONS, existing)
        controller.queue.add(objects.key(owner))
        return
    counted = await controller.apply(revisions.after_collision(owner))
    if counted.error is not None:
        raise counted.error


async def _find(controller: Controller, revision: Obj) -> Obj | None:
    try:
        return await controller.parts.client.get(REVISIONS, objects.namespace(revision), objects.name(revision))
    except NotFound:
        return None
