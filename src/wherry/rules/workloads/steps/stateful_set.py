"""A StatefulSet held at a share of new pods by its partition: pods below it stay at the revision before.

Its own controller replaces the pods, from the highest ordinal down, by its own rules. A partition that its owner gave is a bound that steps
do not cross.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#partitions
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.workloads.steps.move import ARRIVED, WAIT, Fields, Move, NoSteps, differing
from wherry.rules.workloads.steps.view import View, available, is_of, ready_since

_OWN = "updateStrategy"


def own(workload: Obj) -> dict[str, Any]:
    """Raises NoSteps."""
    strategy = workload["spec"].get(_OWN) or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        raise NoSteps("its update strategy is OnDelete: nothing would roll it out after the last step")
    return {_OWN: workload["spec"].get(_OWN)}


def _rolling(own_fields: Fields) -> Obj:
    return dict((own_fields.get(_OWN) or {}).get("rollingUpdate") or {})


def _held(view: View, own_fields: Fields, target: int) -> dict[str, Any]:
    rolling = _rolling(own_fields)
    partition = max(view.wanted - target, int(rolling.get("partition") or 0))
    return {_OWN: {**(own_fields.get(_OWN) or {}), "type": "RollingUpdate", "rollingUpdate": {**rolling, "partition": partition}}}


def opening(view: View, own_fields: Fields, target: int) -> Fields:
    return _held(view, own_fields, target)


def _partition(view: View) -> int:
    return int(((view.workload["spec"].get(_OWN) or {}).get("rollingUpdate") or {}).get("partition") or 0)


def place(view: View, pod: Obj) -> int:
    """Which of the replicas it is, from 0 on."""
    ordinal = str(pod["metadata"]["name"]).rpartition("-")[2]
    start = (view.workload["spec"].get("ordinals") or {}).get("start", 0)
    return int(ordinal) - start if ordinal.isdecimal() else -1


def _min_ready(view: View) -> float:
    return float(view.workload["spec"].get("minReadySeconds") or 0)


def _all_new(view: View, least: int) -> tuple[bool, float | None]:
    """Whether all pods from place `least` on are new and available; and when the next one will be."""
    up = [pod for pod in view.new_pods if least <= place(view, pod) < view.wanted]
    ready, at = available(up, _min_ready(view), view.now)
    return ready >= max(view.wanted - least, 0), at


def move(view: View, own_fields: Fields, target: int) -> Move:
    """The next write towards `target` new pods."""
    if fields := differing(view.workload["spec"], _held(view, own_fields, target)):
        return Move(fields)
    if not view.is_observed:
        return WAIT
    if stuck := _stuck(view):
        return Move(deletes=stuck)
    there, at = _all_new(view, _partition(view))
    return ARRIVED if there else Move(at=at)


def _stuck(view: View) -> list[Obj]:
    """Pods of a release that was replaced meanwhile and that cannot become ready: the controller would wait for them for ever."""
    current = (view.workload.get("status") or {}).get("currentRevision", "")
    stable = next((source for source in view.sources if source["metadata"]["name"] == current), None)
    if stable is None or view.newest is None:
        return []
    return [pod for pod in view.own_pods if ready_since(pod) is None and not is_of(pod, stable) and not is_of(pod, view.newest)]


def _early(view: View, target: int) -> list[Obj]:
    """Pods below the partition that are at neither revision they may be at."""
    current = (view.workload.get("status") or {}).get("currentRevision", "")
    stable = next((source for source in view.sources if source["metadata"]["name"] == current), None)
    if stable is None or view.newest is None or stable is view.newest:
        return []
    return [pod for pod in view.own_pods if not is_of(pod, stable) and place(view, pod) < view.wanted - target]


def surplus(view: View, target: int) -> int:
    return len(_early(view, target))


def catch(view: View, own_fields: Fields, target: int) -> Move:
    """Pods that were replaced too early are deleted, one at a time: below the partition they come back as they were."""
    if fields := differing(view.workload["spec"], _held(view, own_fields, target)):
        return Move(fields)
    if not view.is_observed:
        return WAIT
    early = _early(view, target)
    if not early:
        return ARRIVED
    whole = available(view.own_pods, 0, view.now)[0] >= view.wanted
    unready = [pod for pod in early if available([pod], 0, view.now)[0] == 0]
    return Move(deletes=unready or early[:1]) if whole or unready else WAIT


def is_complete(view: View) -> bool:
    return view.is_observed and len(view.own_pods) >= view.wanted and _all_new(view, _partition(view))[0]
