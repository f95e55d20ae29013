"""`kubectl rolling-update`, which is gone from kubectl: one ReplicationController replaced by another, pod by pod, from the client.

    update = RollingUpdate(client, "default", report=print)
    await update.run(old, new, Settings(period=10))

All state is in the cluster: the sizes of the two controllers and their annotations. So work that was interrupted at any point goes on when
the same command runs again. What the old command lost is kept here: the renamed controller is saved in a ConfigMap before its old form is
deleted, the mark that says whose successor a controller is stays until the end, and every step is an event.
Source: kubectl 1.17 pkg/kubectl/rolling_updater.go.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from wherry.api import timestamps
from wherry.api.errors import AlreadyExists, Conflict, NotFound, StatusError
from wherry.api.objects import Obj, annotations_of, name, reference
from wherry.api.options import MERGE_PATCH, DeleteOptions
from wherry.api.resources import resource
from wherry.client.follow import until_gone
from wherry.client.protocol import Client
from wherry.rollout import rolling_plan
from wherry.rollout.errors import Failed, RolloutError
from wherry.rollout.rolling_controllers import DESIRED, NEXT, ORIGINAL, SOURCE, noted, renamed, source_id
from wherry.rules.objects import selectors

CONTROLLERS = resource("replicationcontrollers")
PODS, EVENTS, CONFIG_MAPS = resource("pods"), resource("events"), resource("configmaps")
_SAVED = "rolling-update-"
_COMPONENT = "wherry-rolling-update"


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds. `keep_name`: the new controller takes the old one's name at the end."""

    period: float = 60.0
    interval: float = 3.0
    timeout: float = 300.0
    keep_name: bool = False


class RollingUpdate:
    """`report` gets every progress line, without a line feed."""

    def __init__(self, client: Client, namespace: str, report: Callable[[str], None], now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._namespace = namespace
        self._report = report
        self._now = now
        self._count = 0

    async def get(self, rc: str) -> Obj:
        return {"apiVersion": "v1", "kind": "ReplicationController", **await self._client.get(CONTROLLERS, self._namespace, rc)}

    async def find(self, rc: str) -> Obj | None:
        try:
            return await self.get(rc) if rc else None
        except NotFound:
            return None

    # --- the update ---
    async def run(self, old: Obj, new: Obj, settings: Settings) -> Obj:
        """From old to new; the controller that is left. Raises Failed when nothing moves any more, RolloutError, StatusError."""
        new = await self._target(new, source_id(old))
        desired = int(annotations_of(new)[DESIRED])
        if ORIGINAL not in annotations_of(old):
            old = await self._annotate(old, {ORIGINAL: str(old["spec"].get("replicas", 0))})
        limits = rolling_plan.bounds(desired)
        self._report(f"Scaling up {name(new)} from {_size(new)} to {desired}, scaling down {name(old)} from {_size(old)} to 0 "
                     f"(keep {limits.least} pods available, don't exceed {limits.most} pods)")
        old, new = await self._move(old, new, limits, settings)
        return await self._clean_up(old, new, settings)

    async def _target(self, new: Obj, source: str) -> Obj:
        """The new controller: the one that an interrupted update left, or a fresh one of size 0."""
        existing = await self.find(name(new))
        if existing is not None:
            notes = annotations_of(existing)
            if notes.get(SOURCE) != source or DESIRED not in notes:
                raise RolloutError(f"Missing/unexpected annotations for controller {name(new)}, expected {source} : {_go_map(notes)}")
            self._report(f"Continuing update with existing controller {name(new)}.")
            return existing
        size = _size(new)
        if size <= 0:
            raise RolloutError(f"Invalid controller spec for {name(new)}; required: > 0 replicas, actual: {size}")
        draft = noted({**new, "spec": {**new["spec"], "replicas": 0}}, source=source, desired=str(size))
        created = {"apiVersion": "v1", "kind": "ReplicationController", **await self._client.create(CONTROLLERS, self._namespace, draft)}
        self._report(f"Created {name(created)}")
        return created

    async def _move(self, old: Obj, new: Obj, limits: rolling_plan.Bounds, settings: Settings) -> tuple[Obj, Obj]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settings.timeout
        while _size(new) != limits.desired or _size(old) != 0:
            before = (_size(new), _size(old))
            grown = rolling_plan.up(_size(new), _size(old), limits)
            if grown != _size(new):
                new = await self._scale(new, grown, "up", settings)
            await asyncio.sleep(settings.period)
            shrunk = rolling_plan.down(_size(new), _size(old), await self._ready(new), limits)
            if shrunk != _size(old):
                old = await self._scale(old, shrunk, "down", settings)
            if (_size(new), _size(old)) != before:
                deadline = loop.time() + settings.timeout
            elif loop.time() > deadline:
                raise Failed("timed out waiting for any update progress to be made")
            elif not settings.period:
                await asyncio.sleep(settings.interval)
        return old, new

    async def _scale(self, rc: Obj, size: int, direction: str, settings: Settings) -> Obj:
        self._report(f"Scaling {name(rc)} {direction} to {size}")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settings.timeout
        scaled = await self._patch(name(rc), {"spec": {"replicas": size}})
        await self._event(scaled, f"Scaled{direction.capitalize()}", f"Scaled {name(rc)} {direction} to {size}")
        while not _settled(scaled):
            if loop.time() > deadline:
                raise Failed("timed out waiting for the condition")
            await asyncio.sleep(settings.interval)
            scaled = await self.get(name(rc))
        return scaled

    async def _ready(self, rc: Obj) -> int:
        """Ready pods of a controller that have been so for its minReadySeconds."""
        selector = str(selectors.from_map(rc["spec"].get("selector") or {}))
        pods = await self._client.list(PODS, self._namespace, label_selector=selector)
        waited = rc["spec"].get("minReadySeconds", 0)
        return sum(1 for pod in pods.items if _is_ready(pod, self._now(), waited))

    # --- the end ---
    async def _clean_up(self, old: Obj, new: Obj, settings: Settings) -> Obj:
        """Delete the old controller, and only then take the marks off: a new run can tell how far this one came."""
        new = await self._wait_for_size(new, settings)
        if not settings.keep_name:
            self._report(f"Update succeeded. Deleting {name(old)}")
            await self._delete(name(old))
            return await self.finish(new)
        self._report(f"Update succeeded. Deleting old controller: {name(old)}")
        await self._save(name(old), renamed(new, name(old)))
        await self._delete(name(old))
        return await self.rename(new, name(old))

    async def _wait_for_size(self, rc: Obj, settings: Settings) -> Obj:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settings.timeout
        rc = await self.get(name(rc))
        while not _settled(rc):
            if loop.time() > deadline:
                raise Failed("timed out waiting for the condition")
            await asyncio.sleep(settings.interval)
            rc = await self.get(name(rc))
        return rc

    async def finish(self, new: Obj) -> Obj:
        """Take the marks of an update off."""
        done = await self._patch(name(new), {"metadata": {"annotations": {SOURCE: None, DESIRED: None}}})
        await self._event(done, "RollingUpdateComplete", f"Rolled over to {name(new)}")
        return done

    async def rename(self, rc: Obj, to: str) -> Obj:
        """The same controller under another name; its pods stay. Safe to repeat."""
        self._report(f"Renaming {name(rc)} to {to}")
        await self._save(to, renamed(rc, to))
        with suppress(NotFound):
            await self._client.delete(CONTROLLERS, self._namespace, name(rc), DeleteOptions(propagation_policy="Orphan"))
        await until_gone(self._client, CONTROLLERS, self._namespace, name(rc))
        return await self.restore(to)

    async def restore(self, rc: str) -> Obj:
        """Create a controller from what was saved of it. Raises NotFound when nothing was."""
        saved = await self._client.get(CONFIG_MAPS, self._namespace, _SAVED + rc)
        with suppress(AlreadyExists):
            await self._client.create(CONTROLLERS, self._namespace, json.loads(saved["data"]["controller"]))
        with suppress(NotFound):
            await self._client.delete(CONFIG_MAPS, self._namespace, _SAVED + rc)
        done = await self.get(rc)
        await self._event(done, "RollingUpdateComplete", f"Renamed to {rc}")
        return done

    async def _save(self, rc: str, controller: Obj) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _SAVED + rc, "namespace": self._namespace},
                "data": {"controller": json.dumps(controller)}}
        try:
            await self._client.create(CONFIG_MAPS, self._namespace, body)
        except AlreadyExists:
            await self._client.patch(CONFIG_MAPS, self._namespace, _SAVED + rc, {"data": body["data"]}, MERGE_PATCH)

    async def successor(self, old: str) -> Obj | None:
        """The controller that an update of `old` was going to leave; None when there is none."""
        listing = await self._client.list(CONTROLLERS, self._namespace)
        for rc in listing.items:
            if annotations_of(rc).get(SOURCE, "").partition(":")[0] == old:
                return {"apiVersion": "v1", "kind": "ReplicationController", **rc}
        return None

    # --- going back ---
    async def abort(self, old: Obj, new: Obj) -> tuple[Obj, Obj]:
        """Old and new with their parts changed: the update goes back to what there was. Raises RolloutError."""
        original = annotations_of(old).get(ORIGINAL)
        if original is None:
            raise RolloutError(f'couldn\'t find original replica count of "{name(old)}"')
        self._report(f'Setting "{name(old)}" replicas to {original}')
        target = await self._annotate(old, {SOURCE: source_id(new), DESIRED: original, NEXT: None})
        return new, target

    async def point_to(self, old: Obj, following: str) -> Obj:
        """Note on the old controller which one comes next."""
        return await self._annotate(old, {NEXT: following})

    async def tell_apart(self, old: Obj, key: str, value: str) -> Obj:
        """Give the old controller, its template and its pods a label of their own, so that the new one's can differ."""
        if key in (old["spec"].get("selector") or {}):
            return old
        before = dict(old["spec"].get("selector") or {})
        labelled = await self._patch(name(old), {"spec": {"template": {"metadata": {"labels": {key: value}}}}})
        selector = str(selectors.from_map(before))
        for pod in (await self._client.list(PODS, self._namespace, label_selector=selector)).items:
            with suppress(NotFound):
                await self._client.patch(PODS, self._namespace, name(pod), {"metadata": {"labels": {key: value}}}, MERGE_PATCH)
        labelled = await self._patch(name(old), {"spec": {"selector": {**before, key: value}}})
        for pod in (await self._client.list(PODS, self._namespace, label_selector=selector)).items:
            if (pod["metadata"].get("labels") or {}).get(key) != value:
                with suppress(NotFound):
                    await self._client.delete(PODS, self._namespace, name(pod))
        return labelled

    # --- small writes ---
    async def _annotate(self, rc: Obj, notes: dict[str, str | None]) -> Obj:
        return await self._patch(name(rc), {"metadata": {"annotations": notes}})

    async def _patch(self, rc: str, patch: Any) -> Obj:
        for _ in range(5):
            with suppress(Conflict):
                return {"apiVersion": "v1", "kind": "ReplicationController",
                        **await self._client.patch(CONTROLLERS, self._namespace, rc, patch, MERGE_PATCH)}
        raise RolloutError(f"{rc} is written by somebody else all the time")

    async def _delete(self, rc: str) -> None:
        with suppress(NotFound):
            await self._client.delete(CONTROLLERS, self._namespace, rc, DeleteOptions(propagation_policy="Background"))
        await until_gone(self._client, CONTROLLERS, self._namespace, rc)

    async def _event(self, rc: Obj, reason: str, message: str) -> None:
        """An event is never worth failing for."""
        moment = timestamps.time(self._now())
        self._count += 1
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{name(rc)}.{int(self._now() * 1e9):x}{self._count}",
                                                                   "namespace": self._namespace},
                 "involvedObject": reference(rc), "reason": reason, "message": message, "type": "Normal", "count": 1,
                 "source": {"component": _COMPONENT}, "firstTimestamp": moment, "lastTimestamp": moment}
        with suppress(StatusError):
            await self._client.create(EVENTS, self._namespace, event)


def _size(rc: Obj) -> int:
    return int(rc["spec"].get("replicas", 1))


def _settled(rc: Obj) -> bool:
    """The controller has seen its size and has that many pods."""
    status = rc.get("status") or {}
    observed = status.get("observedGeneration", 0) >= rc["metadata"].get("generation", 0)
    return bool(observed and status.get("replicas", 0) == _size(rc))


def _is_ready(pod: Obj, now: float, wait: int) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    for found in (pod.get("status") or {}).get("conditions") or ():
        if found.get("type") == "Ready" and found.get("status") == "True":
            since = found.get("lastTransitionTime")
            return not wait or bool(since and timestamps.parse(since) + wait <= now)
    return False


def _go_map(notes: dict[str, str]) -> str:
    return "map[" + " ".join(f"{k}:{notes[k]}" for k in sorted(notes)) + "]"
