"""Remembers the configuration of every revision of a workload annotated with `wherry.dev/remember-config: "true"`.

Watches workloads, ReplicaSets and ControllerRevisions; each revision is remembered once, when it appears, because that is the configuration
it was rolled out with. What remembering does is the rollout library's and is passed in.
Ours; the reference has no such controller.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from wherry.api.objects import Obj, annotations_of, controller_of
from wherry.api.resources import Resource, resource
from wherry.reconcile import Controller, Parts

WORKLOADS = {row.kind: row for row in (resource(plural, "apps") for plural in ("deployments", "statefulsets", "daemonsets"))}
REVISIONS = (resource("replicasets", "apps"), resource("controllerrevisions", "apps"))
REMEMBER = "wherry.dev/remember-config"
#: (parts, resource, workload)
Remember = Callable[[Parts, Resource, Obj], Awaitable[None]]


class RememberController(Controller):
    """Its keys are `Kind/namespace/name/revision`: of a workload, and of its ReplicaSet or ControllerRevision."""

    name = "remember-controller"
    workers = 1

    def __init__(self, parts: Parts, remember: Remember) -> None:
        super().__init__(parts)
        self._remember = remember
        self._done: set[str] = set()
        for row in WORKLOADS.values():
            self.watch(row, self._of_workload(row.kind))
        for row in REVISIONS:
            self.watch(row, self._of_revision)

    async def reconcile(self, key: str) -> float | None:
        kind, namespace, name, revision = key.split("/")
        workload = self.informer(WORKLOADS[kind]).get(f"{namespace}/{name}")
        if workload is None or not is_wanted(workload) or revision in self._done:
            return None
        await self._remember(self.parts, WORKLOADS[kind], workload)
        self._done.add(revision)
        return None

    def _of_workload(self, kind: str) -> Callable[[Obj | None, Obj | None], Iterable[str]]:
        def keys(old: Obj | None, new: Obj | None) -> Iterable[str]:
            """When the wish is new: the revision that runs is remembered now."""
            if new is None or not is_wanted(new) or (old is not None and is_wanted(old)):
                return ()
            meta, runs = new["metadata"], (new.get("status") or {}).get("observedGeneration")
            return (f"{kind}/{meta['namespace']}/{meta['name']}/{meta['uid']}",) if runs else ()

        return keys

    def _of_revision(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        owner = controller_of(new) if new is not None and old is None else None
        if new is None or owner is None or owner.get("kind") not in WORKLOADS:
            return ()
        meta = new["metadata"]
        workload = self.informer(WORKLOADS[owner["kind"]]).get(f"{meta['namespace']}/{owner['name']}")
        if workload is None or not is_wanted(workload):
            return ()
        return (f"{owner['kind']}/{meta['namespace']}/{owner['name']}/{meta['uid']}",)


def is_wanted(workload: Obj) -> bool:
    return annotations_of(workload).get(REMEMBER) == "true" and not workload["metadata"].get("deletionTimestamp")
