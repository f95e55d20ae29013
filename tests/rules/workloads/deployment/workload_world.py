"""A small world for the Deployment and ReplicaSet rules: a dictionary as API server, one write at a time, and a clock that tests move.

It carries plans out as the executor does (the first failure ends a plan), gives versions, generations and uids, and keeps what happened:
`moves` (every change of a ReplicaSet's size), `events` (of Deployments) and `writes` (how many there were). Pods do nothing by themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from tests.worlds.standings import standing
from wherry.api import errors, objects, timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Create, Delete, Emit, Patch, Plan, Update
from wherry.rules.pods.state_of_replica import is_active
from wherry.rules.workloads.deployment.annotations import REVISION
from wherry.rules.workloads.deployment.create import plan_create_failed
from wherry.rules.workloads.deployment.plan import plan_deployment
from wherry.rules.workloads.replicaset.plan import gather
from wherry.rules.workloads.replicaset.replicas import creation_events, plan_replicas, real_error
from wherry.rules.workloads.replicaset.status import plan_status

PLURALS = {"Deployment": "deployments.apps", "ReplicaSet": "replicasets.apps", "Pod": "pods"}


class Crash(Exception):
    """The controller dies between two writes."""


def suffixes() -> Iterator[str]:
    for n in itertools.count(1):
        yield f"{n:05d}"


class World:
    def __init__(self, now: float = 1_750_000_000.0) -> None:
        self.now = now
        self.objects: dict[tuple[str, str], Obj] = {}
        self.versions = itertools.count(1)
        self.names = suffixes()
        self.moves: list[tuple[str, int, str]] = []
        self.events: list[str] = []
        self.rs_events: list[str] = []
        self.created: list[str] = []  # names of ReplicaSets by creation
        self.writes = 0
        self.crash_after: int | None = None
        self.refuse: Callable[[Obj], StatusError | None] = lambda obj: None  # an admission that may refuse creations
        self.requeue: dict[str, float | None] = {}

    # --- reading ---
    def all(self, kind: str) -> list[Obj]:
        return [obj for (k, _), obj in self.objects.items() if k == kind]

    def get(self, kind: str, name: str) -> Obj:
        return self.objects[kind, name]

    def pods_of(self, replica_set: Obj) -> list[Obj]:
        return [p for p in self.all("Pod") if objects.is_controlled_by(p, replica_set)]

    # --- writing ---
    def _store(self, obj: Obj) -> Obj:
        obj = objects.with_metadata(obj, resourceVersion=str(next(self.versions)))
        old = self.objects.get((obj["kind"], objects.name(obj)))
        self.objects[obj["kind"], objects.name(obj)] = obj
        if obj["kind"] == "ReplicaSet" and (old is None or old["spec"]["replicas"] != obj["spec"]["replicas"]):
            self.moves.append((objects.name(obj), obj["spec"]["replicas"], objects.annotations_of(obj).get(REVISION, "")))
        return obj

    def create(self, obj: Obj) -> Obj:
        name = objects.name(obj)
        if (refused := self.refuse(obj)) is not None:
            raise refused
        if (obj["kind"], name) in self.objects:
            raise errors.already_exists(PLURALS[obj["kind"]], name)
        if obj["kind"] == "ReplicaSet":
            self.created.append(name)
        status: Obj = {"replicas": 0} if obj["kind"] == "ReplicaSet" else {}
        if obj["kind"] == "Pod":
            status = {"phase": "Pending"}
        given = {"uid": f"uid-{next(self.versions)}", "generation": 1, "namespace": "default"}
        new = objects.with_metadata(obj, **given, creationTimestamp=timestamps.time(self.now))
        return self._store({**new, "status": status})

    def update(self, obj: Obj, subresource: str = "") -> Obj:
        name = objects.name(obj)
        old = self.objects.get((obj["kind"], name))
        if old is None:
            raise errors.not_found(PLURALS[obj["kind"]], name)
        if objects.version(obj) != objects.version(old):
            raise errors.conflict(PLURALS[obj["kind"]], name, errors.MODIFIED)
        if subresource == "status":
            new = {**obj, "spec": old["spec"]}
        else:
            new = {**obj, "status": old.get("status", {})}
            if new["spec"] != old["spec"]:
                new = objects.with_metadata(new, generation=old["metadata"]["generation"] + 1)
        return old if new == old else self._store(new)

    def edit(self, kind: str, name: str, **spec: Any) -> Obj:
        """What a user does: change fields of the spec."""
        old = self.get(kind, name)
        return self.update({**old, "spec": {**old["spec"], **spec}})

    def patch(self, action: Patch) -> Obj:
        old = self.get(action.target["kind"], objects.name(action.target))
        if action.patch_type == "application/json-patch+json":
            test, replace = action.patch
            assert test["path"] == replace["path"] == "/spec/replicas"
            if old["spec"]["replicas"] != test["value"]:
                raise errors.Invalid("the test failed")
            return self.update({**old, "spec": {**old["spec"], "replicas": replace["value"]}})
        assert action.patch["metadata"]["uid"] == objects.uid(old)
        refs = list(old["metadata"].get("ownerReferences") or [])
        for ref in action.patch["metadata"]["ownerReferences"]:
            refs = [r for r in refs if r["uid"] != ref["uid"]] + ([] if "$patch" in ref else [ref])
        return self.update(objects.with_metadata(old, ownerReferences=refs or None))

    def delete(self, kind: str, name: str) -> None:
        """Pods terminate until they are finished; all else goes at once, and its pods after it."""
        old = self.get(kind, name)
        if kind == "Pod":
            if not objects.is_deleting(old):
                self._store(objects.with_metadata(old, deletionTimestamp=timestamps.time(self.now)))
            return
        del self.objects[kind, name]
        for pod in self.pods_of(old):
            self.finish(objects.name(pod))

    def finish(self, pod: str) -> None:
        del self.objects["Pod", pod]

    def set_pod(self, name: str, *, ready: bool, **status: Any) -> None:
        condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": timestamps.time(self.now)}
        pod = self.get("Pod", name)
        running = {"phase": "Running", "conditions": [condition], **status}
        self._store({**pod, "spec": {**pod["spec"], "nodeName": "node-1"}, "status": running})

    def _one(self, action: Action) -> Obj | None:
        match action:
            case Emit(about, _, reason, message):
                (self.events if about["kind"] == "Deployment" else self.rs_events).append(f"{reason}: {message}")
                return None
            case Create(obj):
                return self.create(obj)
            case Update(obj, subresource):
                return self.update(obj, subresource)
            case Patch():
                return self.patch(action)
            case Delete(target):
                self.delete(target["kind"], objects.name(target))
        return None

    def apply(self, plan: Plan) -> tuple[list[Obj], StatusError | None]:
        results: list[Obj] = []
        for action in plan.actions:
            if not isinstance(action, Emit):
                if self.crash_after == 0:
                    self.crash_after = None
                    raise Crash
                self.crash_after = None if self.crash_after is None else self.crash_after - 1
                self.writes += 1
            try:
                result = self._one(action)
            except StatusError as error:
                return results, error
            if result is not None:
                results.append(result)
        return results, None

    # --- controllers, as the shells are ---
    def deployment_plan(self, name: str) -> Plan:
        deployment = self.get("Deployment", name)
        sets = self.all("ReplicaSet")
        return plan_deployment(deployment, sets, {objects.uid(rs): self.pods_of(rs) for rs in sets}, self.now)

    def sync_deployment(self, name: str) -> bool:
        """One reconciliation; True when it had anything to do."""
        plan = self.deployment_plan(name)
        self.requeue[name] = plan.requeue_after
        _, error = self.apply(plan)
        if error is not None and isinstance(plan.actions[0], Create) and not isinstance(error, errors.Conflict):
            wanted = plan.actions[0].obj
            existing = self.objects.get(("ReplicaSet", objects.name(wanted)))
            self.apply(plan_create_failed(self.get("Deployment", name), wanted, error, existing, self.now))
        return bool(plan.actions)

    def sync_replica_set(self, name: str) -> bool:
        replica_set = self.get("ReplicaSet", name)
        own = gather(replica_set, self.all("Pod"))
        assert own is not None
        if own.claims:
            self.apply(Plan(own.claims))
            return True
        owner = objects.controller_of(replica_set)
        same = [rs for rs in self.all("ReplicaSet") if owner and (objects.controller_of(rs) or {}).get("uid") == owner["uid"]]
        pods = standing(replica_set, own.active, own.terminating, self.now)
        related = [standing(rs, filter(is_active, self.pods_of(rs)), (), self.now) for rs in same]
        plan = plan_replicas(replica_set, pods, related, self.names, self.now)
        results, error = self.apply(plan)
        if plan.actions and isinstance(plan.actions[0], Create):
            self.apply(Plan(creation_events(replica_set, results, error)))
        status = plan_status(replica_set, pods, real_error(error), self.now)
        self.requeue[name] = status.requeue_after
        self.apply(status)
        return bool(plan.actions or status.actions)

    def settle(self, rounds: int = 400) -> None:
        """Both controllers in turn until neither has anything to do."""
        for _ in range(rounds):
            busy = [self.sync_deployment(objects.name(d)) for d in self.all("Deployment")]
            busy += [self.sync_replica_set(objects.name(rs)) for rs in self.all("ReplicaSet")]
            if not any(busy):
                return
        raise AssertionError("the controllers never come to rest")


def template(image: str, app: str = "web") -> Obj:
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "main", "image": image}]}}


def deployment(name: str = "web", image: str = "nginx:1", **spec: Any) -> Obj:
    """A Deployment as the API server stores it."""
    defaults: dict[str, Any] = {
        "replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template(image, name),
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {**defaults, **spec}}
