"""What holds a rollout up, from everything that was read about it: one pure function for `explain`, the live screen and the guard.

Only what may still change for the better is asked: the pods of the newest revision, what keeps pods from being created, old pods that do
not go, and budgets that keep pods on nodes that are being drained.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from wherry.api.objects import Obj, controller_of
from wherry.rollout.budgets import of_budgets
from wherry.rollout.causes import MOUNTS, Cause, of_events, of_leaving, of_owner, of_pod, of_waiting
from wherry.rollout.revisions import HASH_LABEL
from wherry.rules.objects import selectors

_REVISION_LABEL = "controller-revision-hash"


def of_rollout(workload: Obj, newest: Obj | None, pods: Sequence[Obj], events: Iterable[Obj], *, budgets: Iterable[Obj] = (),
               nodes: Iterable[Obj] = (), now: float = 0.0) -> list[Cause]:
    """`newest`: the ReplicaSet or ControllerRevision of the present template, None when it is not known. `now` 0: nothing is overdue.

    `pods`: those of the workload (see `own_pods`). `events`: of the namespace, oldest first.
    """
    told = list(events)
    current = [pod for pod in pods if is_of(pod, newest)] if newest is not None else list(pods)
    causes = _of_creation(workload, newest, told, len(pods))
    for pod in current:
        about = [e for e in told if (e.get("involvedObject") or {}).get("name") == pod["metadata"]["name"]]
        unhealthy = [str(e.get("message", "")) for e in about if e.get("reason") == "Unhealthy"] if is_running(pod) else []
        mounts = [(str(e["reason"]), str(e.get("message", ""))) for e in about if e.get("reason") in MOUNTS]
        causes += of_pod(pod, unhealthy, mounts) or (of_waiting(pod, now) if now else [])
    if newest is not None and workload["kind"] == "StatefulSet":
        causes += _of_abandoned(workload, newest, pods)
    if now:
        causes += [cause for pod in pods for cause in of_leaving(pod, now)]
    return causes + of_budgets(pods, budgets, nodes)


def _of_abandoned(workload: Obj, newest: Obj, pods: Sequence[Obj]) -> list[Cause]:
    """A StatefulSet waits for pods of other revisions that cannot become ready before it replaces them, also when its template was mended.

    Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
    """
    hint = f"it is of another revision, and a StatefulSet waits for it: `rollout undo sts/{workload['metadata']['name']} --force-stuck`"
    return [replace(cause, message=f"{cause.message}; {hint} deletes it".removeprefix("; "))
            for pod in pods if not is_of(pod, newest) for cause in of_pod(pod) if cause.final]


def _of_creation(workload: Obj, newest: Obj | None, events: list[Obj], there: int) -> list[Cause]:
    if workload["kind"] == "Deployment":
        return of_owner(newest if newest is not None else workload)
    status = workload.get("status") or {}
    if there >= (status.get("desiredNumberScheduled", 0) if workload["kind"] == "DaemonSet" else workload["spec"].get("replicas", 1)):
        return []  # what an old event told has passed
    name, kind = workload["metadata"]["name"], workload["kind"]
    return of_events(e for e in events if (e.get("involvedObject") or {}).get("name") == name
                     and (e.get("involvedObject") or {}).get("kind", kind) == kind)


def own_pods(workload: Obj, pods: Iterable[Obj], sources: Iterable[Obj]) -> list[Obj]:
    """The pods that belong to the workload: controlled by it or by one of its ReplicaSets."""
    owners = {workload["metadata"].get("uid"), *(source["metadata"].get("uid") for source in sources)}
    return [pod for pod in pods if (controller_of(pod) or {}).get("uid") in owners]


def is_of(pod: Obj, source: Obj) -> bool:
    """The pod is of that revision."""
    labels = pod["metadata"].get("labels") or {}
    if source["kind"] == "ReplicaSet":
        owner = controller_of(pod)
        if owner is not None:
            return bool(owner.get("uid") == source["metadata"].get("uid"))
        return HASH_LABEL in labels and labels[HASH_LABEL] == (source["metadata"].get("labels") or {}).get(HASH_LABEL)
    mark, name = labels.get(_REVISION_LABEL, ""), source["metadata"]["name"]
    return bool(mark) and (name == mark or name.endswith(f"-{mark}"))


def is_running(pod: Obj) -> bool:
    """Its containers run, and yet it is not ready: a probe may say why."""
    status = pod.get("status") or {}
    return status.get("phase") == "Running" and not is_ready(pod) and not pod["metadata"].get("deletionTimestamp")


def is_ready(pod: Obj) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in (pod.get("status") or {}).get("conditions") or ())


def selector_of(workload: Obj) -> str:
    """The label selector of its pods, as a query."""
    return str(selectors.from_label_selector(workload["spec"]["selector"]))
