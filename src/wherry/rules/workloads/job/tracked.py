"""One pod of a Job: is it tracked, has it failed, which index is it, when did it end.

Called by all Job rules. A pod that carries the tracking finalizer has not been counted yet, and is not gone before it is.
Source: pkg/controller/job isPodFailed, getCompletionIndex, getFinishedTime; KEP-2307, KEP-2214 (indexes), KEP-3850 (failures of an index).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Patch
from wherry.rules.workloads.job.finished import replaces_only_failed

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"

_INTEGER = re.compile(r"[+-]?[0-9]+")


def is_tracked(pod: Obj) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def untrack(pod: Obj) -> Patch:
    """Takes the finalizer off: the pod is counted, or shall not count."""
    return Patch(pod, {"metadata": {"uid": objects.uid(pod), "$deleteFromPrimitiveList/finalizers": [FINALIZER]}})


def phase(pod: Obj) -> str:
    return (pod.get("status") or {}).get("phase") or ""


def has_failed(pod: Obj, job: Obj) -> bool:
    """Ended in failure; a pod being deleted counts as failed too, unless the Job waits for its end."""
    if phase(pod) == "Failed":
        return True
    return not replaces_only_failed(job) and objects.is_deleting(pod) and phase(pod) != "Succeeded"


def _number(text: str | None) -> int | None:
    number = int(text) if text is not None and _INTEGER.fullmatch(text) else None
    return number if number is not None and number >= 0 else None


def index_of(pod: Obj) -> int | None:
    """Its completion index; None when it has none that can be read."""
    return _number(objects.annotations_of(pod).get(INDEX))


def valid_index(pod: Obj, job: Obj) -> int | None:
    """Its completion index, when the Job has that index."""
    index = index_of(pod)
    return index if index is not None and index < (job["spec"].get("completions") or 0) else None


def _count(pod: Obj, annotation: str) -> int:
    number = _number(objects.annotations_of(pod).get(annotation))
    return number if number is not None and number < 2**31 else 0


def index_failures(pod: Obj) -> int:
    """How many pods of its index failed before it, by its annotation."""
    return _count(pod, FAILURES)


def ignored_index_failures(pod: Obj) -> int:
    return _count(pod, IGNORED_FAILURES)


def finished_at(pod: Obj) -> float:
    """When it ended: by its containers, else by its Ready condition, else by its deletion, else (nobody said) by its creation."""
    metadata, ready = pod["metadata"], objects.condition(pod, "Ready") or {}
    by_containers = _last_exit(pod)
    if by_containers is not None:
        return by_containers
    if ready.get("status") == "False" and ready.get("lastTransitionTime"):
        return timestamps.parse(ready["lastTransitionTime"])
    if metadata.get("deletionTimestamp"):
        return timestamps.parse(metadata["deletionTimestamp"]) - (metadata.get("deletionGracePeriodSeconds") or 0)
    return timestamps.parse(metadata["creationTimestamp"])


def _last_exit(pod: Obj) -> float | None:
    """The last end of a container or sidecar (sidecars end after all others); None when one has not ended."""
    status = pod.get("status") or {}
    main = _latest(status.get("containerStatuses") or ())
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    late = [s for s in status.get("initContainerStatuses") or () if s["name"] in sidecars]
    last = _latest(late)
    if late and last is None:
        return None
    return max((t for t in (main, last) if t is not None), default=None)


def _latest(statuses: Iterable[Obj]) -> float | None:
    ends = [((s.get("state") or {}).get("terminated") or {}).get("finishedAt") for s in statuses]
    return max(map(timestamps.parse, ends)) if ends and all(ends) else None
