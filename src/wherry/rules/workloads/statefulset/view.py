"""A StatefulSet as one reconciliation sees it: who of its pods is there, its revisions, its claims, and the time.

Made by `plan.decide`, read by all steps.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.workloads.statefulset.known_pods import Member, Standing
from wherry.rules.workloads.statefulset.storage import Lookup


class View(NamedTuple):
    """`current` and `update`: the revisions that pods are, and should be, made from."""

    stateful_set: Obj
    current: Obj
    update: Obj
    standing: Standing
    claim: Lookup
    now: float

    @property
    def ordered(self) -> bool:
        """One pod at a time, each after those before it."""
        return bool(self.stateful_set["spec"].get("podManagementPolicy") != "Parallel")

    def first_unavailable(self) -> Member | None:
        """The lowest replica, else the lowest condemned pod, that is not available."""
        members = (*self.standing.open_replicas(), *reversed(self.standing.condemned()))
        return next((m for m in members if m.unavailable), None)
