"""The driver of annotated workloads: `wherry.dev/rollout-steps: 10%, pause 5m, 50%` on a Deployment, StatefulSet or DaemonSet.

Watches workloads; while one has steps under way, or a template that no steps were begun for, a driver runs for it. What a driver does is
the rollout library's and is passed in, because controllers and the library do not know each other; the command `rollout steps` runs the
same, and both may at once. A driver that was refused is not started again before somebody changes the workload's template or its
annotations.
Ours; the reference has no such controller. Argo Rollouts and Flagger do the like with kinds of their own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, annotations_of, uid
from wherry.api.resources import Resource, resource
from wherry.reconcile import Controller, Parts
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.template_hash import template_hash

log = logging.getLogger(__name__)

STEPPED = tuple(resource(plural, "apps") for plural in ("deployments", "statefulsets", "daemonsets"))
#: seconds before a driver that met an error of the API is started again
AGAIN = 5.0
#: drives a workload's steps to their end: (parts, resource, workload); ValueError: they are impossible
Drive = Callable[[Parts, Resource, Obj], Awaitable[None]]
#: what a refusal is about
Asked = tuple[str, ...]


class StepsController(Controller):
    """Its keys are `plural/namespace/name`."""

    name = "steps-controller"
    workers = 1

    def __init__(self, parts: Parts, drive: Drive) -> None:
        super().__init__(parts)
        self._drive = drive
        self._drivers: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, Asked] = {}
        for row in STEPPED:
            self.watch(row, _keys(row))

    async def reconcile(self, key: str) -> float | None:
        plural, _, name = key.partition("/")
        row = next(row for row in STEPPED if row.plural == plural)
        workload = self.informer(row).get(name)
        if workload is None:
            self._refused.pop(key, None)
        elif key not in self._drivers and is_wanted(row, workload) and self._refused.get(key) != _asked(workload):
            self._drivers[key] = asyncio.create_task(self._driven(key, row, workload))
        return None

    async def _driven(self, key: str, row: Resource, workload: Obj) -> None:
        try:
            await self._drive(self.parts, row, workload)
        except ValueError as error:
            self._refused[key] = _asked(workload)
            log.warning("%s: %s has no steps: %s", self.name, key, error)
        except StatusError as error:
            log.warning("%s: %s: %s; again in %gs", self.name, key, error.message, AGAIN)
            await self.parts.clock.sleep(AGAIN)
        except Exception:
            log.exception("%s: the driver of %s ended", self.name, key)
            await self.parts.clock.sleep(AGAIN)
        del self._drivers[key]
        self.queue.add(key)  # what came meanwhile

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            ended, self._drivers = dict(self._drivers), {}
            for task in ended.values():
                task.cancel()
            await asyncio.gather(*ended.values(), return_exceptions=True)
            for key in ended:
                self.queue.add(key)  # for whoever runs this again


def is_wanted(row: Resource, workload: Obj) -> bool:
    return states.is_wanted({"kind": row.kind, **workload})


def _asked(workload: Obj) -> Asked:
    noted = annotations_of(workload)
    return uid(workload), template_hash(workload["spec"]["template"]), noted.get(states.STEPS, ""), noted.get(states.SERVICES, "")


def _keys(row: Resource) -> Callable[[Obj | None, Obj | None], tuple[str, ...]]:
    def keys(old: Obj | None, new: Obj | None) -> tuple[str, ...]:
        """Only of workloads with steps, and of Deployments that were left held."""
        if new is None or not (states.STEPS in annotations_of(new) or states.STATE in annotations_of(new)
                               or new["spec"].get("minReadySeconds") == states.NEVER):
            return ()
        meta = new["metadata"]
        return (f"{row.plural}/{meta.get('namespace', '')}/{meta['name']}",)

    return keys
