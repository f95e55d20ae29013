"""One look at a workload in steps: the object, its revisions and its pods, and the few numbers that a step asks for.

Made by the driver for each decision. Nothing in it is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from wherry.api import timestamps
from wherry.api.objects import Obj, condition, is_controlled_by, is_deleting, labels
from wherry.rules.workloads.deployment import replica_sets
from wherry.rules.workloads.template_hash import template_hash

REVISION_LABEL = "controller-revision-hash"


@dataclass(frozen=True)
class View:
    """`sources`: its ReplicaSets or ControllerRevisions, `pods`: those that its selector means; `now`: seconds since 1970.

    `services`: those that blue-green steps lead.
    """

    workload: Obj
    sources: Sequence[Obj]
    pods: Sequence[Obj]
    now: float
    services: Sequence[Obj] = ()

    @cached_property
    def release(self) -> str:
        return template_hash(self.workload["spec"]["template"])

    @property
    def kind(self) -> str:
        return str(self.workload["kind"])

    @property
    def is_observed(self) -> bool:
        """Its controller has seen the present spec, so what the status and the revisions say is about it."""
        status = self.workload.get("status") or {}
        return bool(status.get("observedGeneration", 0) >= self.workload["metadata"].get("generation", 0))

    @property
    def is_paused(self) -> bool:
        return bool(self.workload["spec"].get("paused"))

    @property
    def wanted(self) -> int:
        if self.kind == "DaemonSet":
            return int((self.workload.get("status") or {}).get("desiredNumberScheduled", 0))
        given = self.workload["spec"].get("replicas")
        return 1 if given is None else int(given)

    @cached_property
    def newest(self) -> Obj | None:
        """The revision of the present template; None when it is not there yet."""
        if self.kind == "Deployment":
            return replica_sets.find_new(self.workload, self.sources)
        if not self.is_observed:
            return None
        if self.kind == "StatefulSet":
            name = (self.workload.get("status") or {}).get("updateRevision")
            return next((source for source in self.sources if source["metadata"]["name"] == name), None)
        return max(self.sources, key=lambda source: source.get("revision", 0), default=None)

    @cached_property
    def own_pods(self) -> list[Obj]:
        """Those that count: of the workload, and neither going nor ended."""
        owners = self.sources if self.kind == "Deployment" else (self.workload,)
        return [pod for pod in self.pods if not is_deleting(pod) and any(is_controlled_by(pod, owner) for owner in owners)
                and (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded")]

    def of(self, source: Obj | None) -> list[Obj]:
        """The pods of a revision, by name."""
        return [] if source is None else sorted((p for p in self.own_pods if is_of(p, source)), key=lambda p: str(p["metadata"]["name"]))

    @cached_property
    def new_pods(self) -> list[Obj]:
        return self.of(self.newest)


def is_of(pod: Obj, source: Obj) -> bool:
    """Whether a ReplicaSet or ControllerRevision made it. A DaemonSet's revision names itself by its label, a StatefulSet's by its name."""
    if source["kind"] == "ReplicaSet":
        return is_controlled_by(pod, source)
    own = labels(pod).get(REVISION_LABEL)
    return own is not None and own in (labels(source).get(REVISION_LABEL), source["metadata"]["name"])


def ready_since(pod: Obj) -> float | None:
    """When it became ready; None while it is not."""
    found = condition(pod, "Ready")
    if found is None or found.get("status") != "True":
        return None
    return timestamps.parse(found["lastTransitionTime"]) if found.get("lastTransitionTime") else 0.0


def available(pods: Iterable[Obj], min_ready: float, now: float) -> tuple[int, float | None]:
    """How many have been ready for that long, and when the next one will have been."""
    times = [since + min_ready for pod in pods if (since := ready_since(pod)) is not None]
    later = [at for at in times if at > now]
    return len(times) - len(later), min(later, default=None)


def last_change(view: View) -> float:
    """When a new pod was made or became ready the last time; 0 for none."""
    made = [timestamps.parse(str(pod["metadata"].get("creationTimestamp") or "1970-01-01T00:00:00Z")) for pod in view.new_pods]
    ready = [since for pod in view.new_pods if (since := ready_since(pod)) is not None]
    return max(made + ready, default=0.0)


def share(percent: int, wanted: int) -> int:
    """How many pods a share is: rounded down, but one at least, so that a step says something of the new pods."""
    return min(wanted, max(1, wanted * percent // 100))
