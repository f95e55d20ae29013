"""A world for one controller: a dictionary as API server, the real controller on it, and a clock that tests move.

The controller is driven by hand, one key at a time, from its own queue: a change that should wake it and does not is found out. Deliveries
to its informers can lag behind, any write can be refused, and the controller can die between two writes and start again.
The world gives versions, generations and uids, and keeps what happened: `moves` (of pods), `events` (of the controller) and `writes`.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
from collections.abc import Callable
from typing import Any

from wherry.api import errors, objects, timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import TABLE, Resource
from wherry.client.informer import Informers
from wherry.reconcile import Controller, Parts
from wherry.rules.workloads.daemonset.pod import target_node
from wherry.rules.workloads.revisions import POD_LABEL
from wherry.rules.writing.patch import apply as patched

Refuse = Callable[[str, Obj], StatusError | None]

#: no world ever waits for anything, so one loop does for all
LOOP = asyncio.new_event_loop()
atexit.register(LOOP.close)


class Crash(BaseException):
    """The controller dies between two writes."""


class Client:
    """The client protocol as far as a controller writes with it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _about_to(self, verb: str, obj: Obj) -> None:
        world = self.world
        if world.crash_after == 0:
            world.crash_after = None
            raise Crash
        world.crash_after = None if world.crash_after is None else world.crash_after - 1
        if (refused := world.refuse(verb, obj)) is not None:
            raise refused
        world.writes += 1

    async def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> Obj:
        return self.world.must(resource, name)

    async def create(self, resource: Resource, namespace: str, obj: Obj, **_: Any) -> Obj:
        self._about_to("create", obj)
        return self.world.create(obj)

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "", **_: Any) -> Obj:
        self._about_to("update", obj)
        return self.world.update(obj, subresource)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Any, patch_type: Any, **_: Any) -> Obj:
        old = self.world.must(resource, name)
        self._about_to("patch", old)
        uid = patch["metadata"].get("uid", objects.uid(old))
        assert uid == objects.uid(old)
        if "ownerReferences" not in patch["metadata"]:
            return self.world.update(patched(patch_type, old, patch, None))
        refs = list(old["metadata"].get("ownerReferences") or [])
        for ref in patch["metadata"]["ownerReferences"]:
            refs = [r for r in refs if r["uid"] != ref["uid"]] + ([] if "$patch" in ref else [ref])
        return self.world.update(objects.with_metadata(old, ownerReferences=refs or None))

    async def delete(self, resource: Resource, namespace: str, name: str, options: Any) -> Obj:
        old = self.world.must(resource, name)
        self._about_to("delete", old)
        if options.uid and options.uid != objects.uid(old):
            raise errors.conflict(resource.group_resource, name, "uid")
        return self.world.delete(old["kind"], name)


class Heard:
    """Takes the place of the recorder."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def event(self, about: Obj, type_: str, reason: str, message: str) -> None:
        self.told.append(f"{reason}: {message}")


class Moment:
    """A clock that shows the world's time."""

    def __init__(self, world: World) -> None:
        self.world = world

    def now(self) -> float:
        return self.world.now

    def steady(self) -> float:
        return self.world.now


class World:
    """`kind`: of the controller's own objects. All are in the namespace `default`; nodes are in none."""

    def __init__(self, make: Callable[[Parts], Controller], kind: str, now: float = 1_750_000_000.0) -> None:
        self.make, self.kind, self.now = make, kind, now
        self.objects: dict[tuple[str, str], Obj] = {}
        self.versions = itertools.count(1)
        self.suffixes = itertools.count(1)
        self.moves: list[list[str]] = []
        self.events: list[str] = []
        self.revisions: list[str] = []  # their names, by creation
        self.writes = 0
        self.crash_after: int | None = None
        self.refuse: Refuse = lambda verb, obj: None
        self.lagging = False
        self.undelivered: list[tuple[bool, Obj]] = []
        self.again: dict[str, float] = {}
        self.failed: list[StatusError] = []
        self.tries: dict[str, int] = {}
        self.start()

    # --- the controller ---
    def start(self) -> None:
        """A new process: nothing is remembered, everything is read anew."""
        self.undelivered.clear()
        client: Any = Client(self)
        clock: Any = Moment(self)
        self.informers = Informers(client)
        self.controller = self.make(Parts(client, self.informers, clock, lambda: f"{next(self.suffixes):05d}"))
        self.controller._applier.recorder = Heard(self.events)  # type: ignore[assignment]
        # no time passes here, so who would wait for more news looks at once
        self.controller.queue.add_after = lambda key, seconds: self.controller.queue.add(key)  # type: ignore[method-assign]
        for obj in self.objects.values():
            self._deliver(False, obj)

    def sync(self) -> bool:
        """The controller works on its next key; False when it has none."""
        if not len(self.controller.queue):
            return False
        key = LOOP.run_until_complete(self.controller.queue.get())
        try:
            again = LOOP.run_until_complete(self.controller.reconcile(key))
        except StatusError as error:
            self.failed.append(error)
            self._try_again(key)
        except Crash:
            self.start()
            return True
        else:
            self.again.pop(key, None)
            self.tries.pop(key, None)
            if again is not None:
                self.again[key] = self.now + again
        self.controller.queue.done(key)
        return True

    def _try_again(self, key: str) -> None:
        """Back-off: twice at once, then once a second."""
        self.tries[key] = self.tries.get(key, 0) + 1
        if self.tries[key] < 3:
            self.controller.queue.add(key)
        else:
            self.again[key] = self.now + 1

    def settle(self, rounds: int = 2000) -> None:
        """Everything is delivered, and the controller works until it has nothing left to do at this moment."""
        self.deliver()
        self.lagging = False
        for _ in range(rounds):
            if not self.sync():
                return
        raise AssertionError("the controller never comes to rest")

    def tick(self, seconds: float) -> None:
        self.now += seconds
        for key in [k for k, at in self.again.items() if at <= self.now]:
            del self.again[key]
            self.controller.queue.add(key)

    # --- what it sees ---
    def _deliver(self, gone: bool, obj: Obj) -> None:
        resource = TABLE.by_kind(obj["apiVersion"], obj["kind"])
        assert resource is not None
        (self.informers.absorb_deleted if gone else self.informers.absorb)(resource, obj)

    def deliver(self, count: int | None = None) -> None:
        """What was held back arrives, in order."""
        due = len(self.undelivered) if count is None else count
        arriving, self.undelivered = self.undelivered[:due], self.undelivered[due:]
        for gone, obj in arriving:
            self._deliver(gone, obj)

    def _changed(self, gone: bool, obj: Obj) -> None:
        self.undelivered.append((gone, obj))
        if not self.lagging:
            self.deliver()

    # --- reading ---
    def all(self, kind: str) -> list[Obj]:
        return [obj for (k, _), obj in self.objects.items() if k == kind]

    def get(self, kind: str, name: str) -> Obj:
        return self.objects[kind, name]

    def must(self, resource: Resource, name: str) -> Obj:
        found = self.objects.get((resource.kind, name))
        if found is None:
            raise errors.not_found(resource.group_resource, name)
        return found

    def pods(self, *, going: bool | None = None) -> list[Obj]:
        return [p for p in self.all("Pod") if going is None or objects.is_deleting(p) == going]

    # --- writing ---
    def _store(self, obj: Obj) -> Obj:
        obj = objects.with_metadata(obj, resourceVersion=str(next(self.versions)))
        self.objects[obj["kind"], objects.name(obj)] = obj
        self._changed(False, obj)
        return obj

    def _move(self, what: str, obj: Obj) -> None:
        if obj["kind"] == "Pod":
            self.moves.append([what, objects.name(obj), objects.labels(obj).get(POD_LABEL, "")])

    def create(self, obj: Obj) -> Obj:
        name, kind = objects.name(obj), obj["kind"]
        if (kind, name) in self.objects:
            resource = TABLE.by_kind(obj["apiVersion"], kind)
            assert resource is not None
            raise errors.already_exists(resource.group_resource, name)
        given: dict[str, Any] = {"uid": f"uid-{next(self.versions)}", "generation": 1, "creationTimestamp": timestamps.time(self.now)}
        if kind != "Node":
            given["namespace"] = "default"
        new = objects.with_metadata(obj, **given)
        if kind == "ControllerRevision":
            self.revisions.append(name)
            return self._store(new)
        self._move("created", new)
        return self._store({"status": {"phase": "Pending"} if kind in ("Pod", "PersistentVolumeClaim") else {}, **new})

    def update(self, obj: Obj, subresource: str = "") -> Obj:
        resource = TABLE.by_kind(obj["apiVersion"], obj["kind"])
        assert resource is not None
        name, old = objects.name(obj), self.must(resource, objects.name(obj))
        if objects.version(obj) != objects.version(old) or objects.uid(obj) != objects.uid(old):
            raise errors.conflict(resource.group_resource, name, errors.MODIFIED)
        if subresource == "status":
            new = {**old, "status": obj["status"]}
        else:
            new = {**obj, "status": old["status"]} if "status" in old else obj
            if new.get("spec") != old.get("spec"):
                new = objects.with_metadata(new, generation=old["metadata"]["generation"] + 1)
        return old if new == old else self._store(new)

    def edit(self, name: str, **spec: Any) -> Obj:
        """What a user does: change fields of the spec of one of the controller's objects."""
        old = self.get(self.kind, name)
        return self.update({**old, "spec": {**old["spec"], **spec}})

    def delete(self, kind: str, name: str) -> Obj:
        """Pods, and what has finalizers, terminate until they are finished; all else goes at once."""
        old = self.get(kind, name)
        if kind != "Pod" and not old["metadata"].get("finalizers"):
            self.finish(kind, name)
            return {"kind": "Status", "status": "Success"}
        if objects.is_deleting(old):
            return old
        self._move("deleting", old)
        return self._store(objects.with_metadata(old, deletionTimestamp=timestamps.time(self.now), deletionGracePeriodSeconds=30))

    def finish(self, kind: str, name: str) -> None:
        old = self.objects.pop((kind, name))
        self._move("deleted", old)
        self._changed(True, objects.with_metadata(old, resourceVersion=str(next(self.versions))))

    # --- nodes ---
    def set_pod(self, name: str, *, ready: bool, **status: Any) -> None:
        pod = self.get("Pod", name)
        condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": timestamps.time(self.now)}
        if (same := objects.condition(pod, "Ready")) is not None and same["status"] == condition["status"]:
            condition = same
        if ready:
            self._move("ready", pod)
        spec = {**pod["spec"], "nodeName": target_node(pod) or "node-1"}
        self._store({**pod, "spec": spec, "status": {"phase": "Running", "conditions": [condition], **status}})

    def mark(self, name: str) -> str:
        """A revision's name or hash as the recordings write it."""
        for number, revision in enumerate(self.revisions, 1):
            if name == revision:
                return revision.rpartition("-")[0] + f"-<CR{number}>"
            if name and revision.endswith("-" + name):
                return f"<CR{number}>"
        return name


def is_ready(pod: Obj) -> bool:
    return (objects.condition(pod, "Ready") or {}).get("status") == "True"


def template(image: str, app: str = "web") -> Obj:
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "main", "image": image}]}}


def image_of(pod: Obj) -> str:
    return str(pod["spec"]["containers"][0]["image"])
