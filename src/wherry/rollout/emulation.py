"""Pause and resume for StatefulSets and DaemonSets, which the API cannot pause: by their update strategy. Pure functions of the object.

Called by `Rollout.pause` and `resume` on request only. A paused StatefulSet has a partition above all its pods, a paused DaemonSet replaces
pods only when somebody deletes them (OnDelete); in both a new template is kept and not rolled out. What the strategy was stands in an
annotation, which is also the mark that it is paused. Invariant: resume brings back exactly what pause found; a strategy that somebody
changed in between stays as they left it.
Source of the rules: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#partitions,
https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/#daemonset-update-strategy
"""

from __future__ import annotations

import json
from typing import Any

from wherry.api.objects import Obj, annotations_of
from wherry.api.options import STRATEGIC_PATCH
from wherry.rollout.changes import Change
from wherry.rollout.errors import Paused, RolloutError, Unsupported

REMEMBERED = "wherry.dev/paused-update-strategy"
#: above every ordinal there can be (int32)
NOBODY = 2**31 - 1
KINDS = ("StatefulSet", "DaemonSet")


def is_paused(workload: Obj) -> bool:
    return REMEMBERED in annotations_of(workload)


def pause(workload: Obj) -> Change:
    """Raises Paused when it is paused already, Unsupported for other kinds and for OnDelete, where nothing is rolled out anyway."""
    _check(workload, "pausing")
    if is_paused(workload):
        raise Paused("is already paused")
    strategy = _strategy(workload)
    if strategy.get("type") == "OnDelete":
        raise Unsupported("updates its pods only when they are deleted (OnDelete): there is nothing to pause")
    remembered = json.dumps(strategy, separators=(",", ":"), sort_keys=True)
    return _change(workload, _paused(workload, strategy), remembered)


def resume(workload: Obj) -> Change:
    """Raises Paused when it is not paused, RolloutError when what pause wrote down cannot be read."""
    _check(workload, "resuming")
    if not is_paused(workload):
        raise Paused("is not paused")
    now, before = _strategy(workload), _remembered(workload)
    return _change(workload, before if now == _paused(workload, before) else now, None)


def _check(workload: Obj, doing: str) -> None:
    if workload["kind"] not in KINDS:
        raise Unsupported(f"{doing} is not supported")


def _strategy(workload: Obj) -> Obj:
    found: Obj = workload["spec"].get("updateStrategy") or {}
    return found


def _paused(workload: Obj, strategy: Obj) -> Obj:
    if workload["kind"] == "DaemonSet":
        return {"type": "OnDelete"}
    return {**strategy, "type": "RollingUpdate", "rollingUpdate": {**(strategy.get("rollingUpdate") or {}), "partition": NOBODY}}


def _remembered(workload: Obj) -> Obj:
    text = annotations_of(workload)[REMEMBERED]
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RolloutError(f"cannot be resumed: its annotation {REMEMBERED} is no update strategy: {text}")
    return found


def _change(workload: Obj, strategy: Obj, remembered: str | None) -> Change:
    """Only against the version that was looked at: two who pause at once must not remember each other's pause."""
    meta = {"annotations": {REMEMBERED: remembered}, "resourceVersion": workload["metadata"].get("resourceVersion")}
    return Change({"metadata": meta, "spec": {"updateStrategy": {"$patch": "replace", **strategy}}}, STRATEGIC_PATCH)
