"""One look at a Deployment and what belongs to it: the value that all Deployment rules work on.

Made once per reconciliation by `plan.plan_deployment`. `new` is the ReplicaSet of the present template, `old` are all others, oldest first.
Invariant: nothing in it is changed; the rules return actions.
Source of the shape: pkg/controller/deployment getAllReplicaSetsAndSyncRevision, scaleReplicaSet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Emit, Patch, Update
from wherry.rules.workloads.deployment import annotations as notes
from wherry.rules.workloads.deployment import replica_sets, strategy

NO_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Rollout:
    deployment: Obj
    new: Obj | None
    old: Sequence[Obj]
    pods: Mapping[str, Sequence[Obj]]  # by uid of their ReplicaSet
    now: float

    @staticmethod
    def of(deployment: Obj, owned: Iterable[Obj], pods: Mapping[str, Sequence[Obj]], now: float) -> Rollout:
        all_ = replica_sets.oldest_first(owned)
        new = replica_sets.find_new(deployment, all_)
        return Rollout(deployment, new, tuple(rs for rs in all_ if rs is not new), pods, now)

    @cached_property
    def all(self) -> tuple[Obj, ...]:
        return (*self.old, self.new) if self.new is not None else tuple(self.old)

    @cached_property
    def desired(self) -> int:
        return strategy.replicas(self.deployment)

    @cached_property
    def most(self) -> int:
        """How many pods there may be at most while updating."""
        return self.desired + strategy.max_surge(self.deployment)

    @cached_property
    def min_available(self) -> int:
        return self.desired - strategy.max_unavailable(self.deployment)

    @cached_property
    def time(self) -> str:
        return timestamps.time(self.now)

    @property
    def status(self) -> Obj:
        return self.deployment.get("status") or {}

    @property
    def is_paused(self) -> bool:
        return bool(self.deployment["spec"].get("paused"))

    @property
    def deadline(self) -> int | None:
        """progressDeadlineSeconds, None when there is none."""
        seconds: int | None = self.deployment["spec"].get("progressDeadlineSeconds")
        return None if seconds == NO_LIMIT else seconds

    def condition(self, type_: str, status: str, reason: str, message: str) -> Obj:
        """A condition of the Deployment that changes now."""
        return {"type": type_, "status": status, "lastUpdateTime": self.time, "lastTransitionTime": self.time,
                "reason": reason, "message": message}

    def write_status(self, status: Obj, **metadata: object) -> Update:
        """Write the status (and, in the same write, metadata such as the revision)."""
        return Update({**objects.with_metadata(self.deployment, **metadata), "status": status}, "status")

    def scale(self, replica_set: Obj, to: int, *, force: bool = False) -> tuple[Action, ...]:
        """Scale a ReplicaSet and note the Deployment's size in it. `force`: correct the note even when the size is right."""
        was, noted = replica_sets.size(replica_set), notes.sizes(self.desired, self.most)
        if was == to and (not force or noted.items() <= objects.annotations_of(replica_set).items()):
            return ()
        draft = objects.with_metadata(replica_set, annotations={**objects.annotations_of(replica_set), **noted})
        update = Update({**draft, "spec": {**replica_set["spec"], "replicas": to}})
        return (update, self._scaled(replica_set, was, to)) if was != to else (update,)

    def scale_again(self, replica_set: Obj, was: int, to: int) -> tuple[Action, ...]:
        """Scale a ReplicaSet that this plan already scaled to `was`: only if it still has that size when it comes to it."""
        path = "/spec/replicas"
        patch = [{"op": "test", "path": path, "value": was}, {"op": "replace", "path": path, "value": to}]
        return Patch(replica_set, patch, "application/json-patch+json"), self._scaled(replica_set, was, to)

    def _scaled(self, replica_set: Obj, was: int, to: int) -> Emit:
        direction = "up" if was < to else "down"
        message = f"Scaled {direction} replica set {objects.name(replica_set)} from {was} to {to}"
        return Emit(self.deployment, "Normal", "ScalingReplicaSet", message)
