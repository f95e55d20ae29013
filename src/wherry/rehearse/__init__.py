"""Rehearsals: a rollout played before it happens, in a private cluster on virtual time.

    world = await read(client, "deployment/web", "shop")        # or from_manifests([...])
    report = await rehearsed(world, Change(images={"*": "web:2"}))
    report.duration, report.lowest_available, report.unplaced

Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wherry.rehearse.change import Change, Strategy
    from wherry.rehearse.faults import Faults
    from wherry.rehearse.live import read
    from wherry.rehearse.manifests import from_manifests
    from wherry.rehearse.play import Conditions, rehearse, rehearsed
    from wherry.rehearse.report import Report
    from wherry.rehearse.timings import Timings
    from wherry.rehearse.world import RehearsalError, World

_HOMES = {
    "Change": "change",
    "Conditions": "play",
    "Faults": "faults",
    "RehearsalError": "world",
    "Report": "report",
    "Strategy": "change",
    "Timings": "timings",
    "World": "world",
    "from_manifests": "manifests",
    "read": "live",
    "rehearse": "play",
    "rehearsed": "play",
}

__all__ = [
    "Change",
    "Conditions",
    "Faults",
    "RehearsalError",
    "Report",
    "Strategy",
    "Timings",
    "World",
    "from_manifests",
    "read",
    "rehearse",
    "rehearsed",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
