"""What a DaemonSet tells of its writes.

Called by the controller after creations and after deletions, with what was done and what failed. Source of the texts: pkg/controller
RealPodControl.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Create, Delete, Emit
from wherry.rules.workloads.replicaset.replicas import creation_events, deletion_events


def told(daemon_set: Obj, done: Iterable[Action], failed: Action | None, error: StatusError | None) -> tuple[Emit, ...]:
    created, deleted = [], []
    for action in done:
        match action:
            case Create(obj):
                created.append(obj)
            case Delete(target):
                deleted.append(Emit(daemon_set, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(target)}"))
    events = (*creation_events(daemon_set, created, error if isinstance(failed, Create) else None), *deleted)
    return (*events, *deletion_events(daemon_set, error)) if isinstance(failed, Delete) and error is not None else events
