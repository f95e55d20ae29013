"""How far a rollout is, as `kubectl rollout status` says it: a pure function of the object.

Called for every version of the object that a watch shows.
Source: kubectl's polymorphichelpers (rollout_status.go).
"""

from __future__ import annotations

from dataclasses import dataclass

from wherry.api.objects import Obj, annotations_of, condition
from wherry.rollout.deadline import EXCEEDED
from wherry.rollout.errors import Failed, OtherRevision, RolloutError, Unsupported
from wherry.rollout.revisions import REVISION


@dataclass(frozen=True, slots=True)
class Progress:
    """`message` ends without a newline; `done`: nothing is left to wait for. The counts are those of the object's status."""

    message: str
    done: bool
    wanted: int = 0
    replicas: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0


def progress(workload: Obj, revision: int = 0, *, heed: bool = True) -> Progress:
    """Raises OtherRevision, Unsupported (no status for this strategy or kind) and Failed (deadline exceeded).

    `heed` False: the deadline is known to be another rollout's, and does not count.
    """
    say = {"Deployment": _deployment, "StatefulSet": _stateful_set, "DaemonSet": _daemon_set}.get(workload["kind"])
    if say is None:
        group = workload["apiVersion"].rpartition("/")[0]
        raise Unsupported(f"no status viewer has been implemented for {workload['kind']}{'.' if group else ''}{group}")
    message, done = say(workload, revision, heed)
    status = workload.get("status") or {}
    if workload["kind"] == "DaemonSet":
        names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable")
        return Progress(message, done, *(status.get(name, 0) for name in names))
    counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"))
    return Progress(message, done, workload["spec"].get("replicas", 1), *counts)


def running_revision(deployment: Obj) -> int:
    """The number on a Deployment; 0 when its controller has not given it one yet."""
    text = annotations_of(deployment).get(REVISION, "")
    try:
        return int(text or 0)
    except ValueError:
        name = deployment["metadata"]["name"]
        raise RolloutError(f'cannot get the revision of deployment "{name}": strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _deployment(obj: Obj, revision: int, heed: bool) -> tuple[str, bool]:
    name, spec, status = obj["metadata"]["name"], obj["spec"], obj.get("status") or {}
    if revision:
        running = running_revision(obj)
        if running != revision:
            raise OtherRevision(f"desired revision ({revision}) is different from the running revision ({running})")
    if obj["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for deployment spec update to be observed...", False
    progressing = condition(obj, "Progressing")
    if heed and progressing and progressing.get("reason") == EXCEEDED:
        raise Failed(f'deployment "{name}" exceeded its progress deadline')
    wanted = spec.get("replicas", 1)
    replicas, updated, available = (status.get(k, 0) for k in ("replicas", "updatedReplicas", "availableReplicas"))
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new replicas have been updated...", False
    if replicas > updated:
        return f"{waiting}{replicas - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


def _only_rolling(obj: Obj) -> Obj:
    strategy: Obj = obj["spec"].get("updateStrategy") or {}
    if strategy.get("type") != "RollingUpdate":
        raise Unsupported("rollout status is only available for RollingUpdate strategy type")
    return strategy


def _daemon_set(obj: Obj, revision: int, heed: bool) -> tuple[str, bool]:
    _only_rolling(obj)
    name, status = obj["metadata"]["name"], obj.get("status") or {}
    if obj["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for daemon set spec update to be observed...", False
    desired, updated, available = (status.get(k, 0) for k in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"))
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < desired:
        return f"{waiting}{updated} out of {desired} new pods have been updated...", False
    if available < desired:
        return f"{waiting}{available} of {desired} updated pods are available...", False
    return f'daemon set "{name}" successfully rolled out', True


def _stateful_set(obj: Obj, revision: int, heed: bool) -> tuple[str, bool]:
    strategy = _only_rolling(obj)
    status = obj.get("status") or {}
    observed = status.get("observedGeneration", 0)
    if observed == 0 or obj["metadata"].get("generation", 0) > observed:
        return "Waiting for statefulset spec update to be observed...", False
    wanted, ready, updated = obj["spec"].get("replicas", 1), status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...", False
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        expected = wanted - rolling["partition"] if rolling.get("partition") is not None else 0
        if updated < expected:
            return f"Waiting for partitioned roll out to finish: {updated} out of {expected} new pods have been updated...", False
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    new, current = status.get("updateRevision", ""), status.get("currentRevision", "")
    if new != current:
        return f"waiting for statefulset rolling update to complete {updated} pods at revision {new}...", False
    return f"statefulset rolling update complete {status.get('currentReplicas', 0)} pods at revision {current}...", True
