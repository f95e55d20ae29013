"""Whose pods and revisions are these: the first step of a DaemonSet's reconciliation.

Called by the DaemonSet controller with every pod and revision that it controls or might adopt. Gives what is its own, and the adoptions
and releases that come first (when there are any, nothing else is done before they are seen).
Source of the rule: pkg/controller/daemon getDaemonPods, controlledHistories.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Emit, Patch
from wherry.rules.workloads import revisions


class Own(NamedTuple):
    """`pods` in whatever state; `revisions` in order; `claims`: adoptions and releases to make first."""

    pods: tuple[Obj, ...]
    revisions: tuple[Obj, ...]
    claims: tuple[Patch, ...]


def refusal(daemon_set: Obj) -> Emit | None:
    """A selector that selects everything is not worked with."""
    if any((daemon_set["spec"].get("selector") or {}).values()):
        return None
    text = "This daemon set is selecting all pods. A non-empty selector is required."
    return Emit(daemon_set, "Warning", "SelectingAll", text)


def gather(daemon_set: Obj, pods: Iterable[Obj], history: Iterable[Obj]) -> Own | None:
    """Sort the candidates (owned ones, and orphans of its namespace). None when its selector cannot be read."""
    try:
        matches = ownership.matcher(daemon_set["spec"]["selector"])
    except BadRequest:
        return None
    kept, own = ownership.claim(daemon_set, history, matches), ownership.claim(daemon_set, pods, matches)
    return Own(own.owned, tuple(revisions.in_order(kept.owned)), (*kept.actions, *own.actions))
