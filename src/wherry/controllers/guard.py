"""The guard of annotated workloads: `wherry.dev/guard: max-restarts=3 ready-ratio=0.8` on a Deployment, StatefulSet or DaemonSet.

Watches workloads; for each template of a guarded one a watcher runs until that rollout is over, or undone. What a watcher does is the
rollout library's and is passed in, because controllers and the library do not know each other. A template that a guard has gone back to is
not guarded again: an undo is never undone.
Ours; the reference has no such controller. Argo Rollouts and Flagger do the like for kinds of their own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from wherry.api.objects import Obj, annotations_of, uid
from wherry.api.resources import Resource, resource
from wherry.reconcile import Controller, Parts
from wherry.rules.workloads.template_hash import template_hash

log = logging.getLogger(__name__)

GUARDED = tuple(resource(plural, "apps") for plural in ("deployments", "statefulsets", "daemonsets"))
GUARD, RESTORED = "wherry.dev/guard", "wherry.dev/guard-restored"
#: follows one rollout to its end and undoes it when it must: (parts, resource, workload, conditions)
Watch = Callable[[Parts, Resource, Obj, str], Awaitable[None]]
#: what a watcher is for: the workload, its template, the conditions
Duty = tuple[str, str, str]


class GuardController(Controller):
    """Its keys are `plural/namespace/name`."""

    name = "guard-controller"
    workers = 1

    def __init__(self, parts: Parts, watch: Watch) -> None:
        super().__init__(parts)
        self._guarding = watch
        self._watchers: dict[str, tuple[Duty, asyncio.Task[None] | None]] = {}
        for row in GUARDED:
            self.watch(row, _keys(row))

    async def reconcile(self, key: str) -> float | None:
        plural, _, name = key.partition("/")
        row = next(row for row in GUARDED if row.plural == plural)
        workload = self.informer(row).get(name)
        duty = _duty(workload) if workload is not None else None
        current = self._watchers.get(key)
        if workload is None or duty is None:
            self._dismiss(key)
        elif current is None or current[0] != duty:
            self._dismiss(key)
            restored = annotations_of(workload).get(RESTORED) == duty[1]
            self._watchers[key] = (duty, None if restored else asyncio.create_task(self._guard(row, workload, duty[2])))
        return None

    def _dismiss(self, key: str) -> None:
        _, task = self._watchers.pop(key, (None, None))
        if task is not None:
            task.cancel()

    async def _guard(self, row: Resource, workload: Obj, conditions: str) -> None:
        try:
            await self._guarding(self.parts, row, workload, conditions)
        except Exception:
            log.exception("%s: %s/%s is not guarded any more", self.name, row.plural, workload["metadata"]["name"])

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            tasks = [task for _, task in self._watchers.values() if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            ended, self._watchers = self._watchers, {}
            for key in ended:
                self.queue.add(key)  # for whoever runs this again


def _duty(workload: Obj) -> Duty | None:
    """None for a workload that nobody wants guarded."""
    conditions = annotations_of(workload).get(GUARD)
    if conditions is None or workload["metadata"].get("deletionTimestamp"):
        return None
    return uid(workload), template_hash(workload["spec"]["template"]), conditions


def _keys(row: Resource) -> Callable[[Obj | None, Obj | None], tuple[str, ...]]:
    def keys(old: Obj | None, new: Obj | None) -> tuple[str, ...]:
        """Only of workloads that are guarded, or were."""
        if not any(GUARD in annotations_of(each) for each in (old, new) if each is not None):
            return ()
        meta = (new or old or {})["metadata"]
        return (f"{row.plural}/{meta.get('namespace', '')}/{meta['name']}",)

    return keys
