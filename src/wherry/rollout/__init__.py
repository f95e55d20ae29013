"""kubectl's rollout work as a library, on any client: history, status, undo, pause, resume, restart; and the guard of rollouts.

    rollout = Rollout(client, "deployment/web", namespace="shop")
    await rollout.undo(to_revision=2)
    await rollout.wait()

`wherry.rollout.blocking` is the same without async. Names are imported when they are first used: the command line needs only some.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wherry.rollout.blocking import Blocking
    from wherry.rollout.causes import Cause
    from wherry.rollout.errors import RolloutError
    from wherry.rollout.guard import Conditions
    from wherry.rollout.guarding import Outcome
    from wherry.rollout.progress import Progress
    from wherry.rollout.remembering import Memory
    from wherry.rollout.revisions import Revision
    from wherry.rollout.rollout import Rollout, Undone
    from wherry.rollout.snapshot import Snapshot
    from wherry.rollout.step_status import StepsStatus
    from wherry.rollout.steps import Steps

_HOMES = {"Blocking": "blocking", "Cause": "causes", "Conditions": "guard", "Memory": "remembering", "Outcome": "guarding",
          "Progress": "progress", "Revision": "revisions", "Rollout": "rollout", "RolloutError": "errors", "Snapshot": "snapshot",
          "Steps": "steps", "StepsStatus": "step_status", "Undone": "rollout"}

__all__ = ["Blocking", "Cause", "Conditions", "Memory", "Outcome", "Progress", "Revision", "Rollout", "RolloutError", "Snapshot", "Steps",
           "StepsStatus", "Undone"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
