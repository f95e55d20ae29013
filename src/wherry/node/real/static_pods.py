"""Pods from a folder: each manifest is a pod of every node here, shown in the API by a mirror pod that comes back when it is deleted.

Run by the real nodes, for `staticPodPath`. The folder is looked at each second, and all of it again with `fileCheckFrequency`. The mirror
pods are what the nodes' agent runs; it asks `keeps` before it follows the deletion of one. A manifest that is wrong is told in the log once
for each of its versions, and what ran goes on.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

import yaml

from wherry.api import timestamps
from wherry.api.errors import AlreadyExists, NotFound, StatusError
from wherry.api.objects import Obj, is_deleting, key, name, namespace, uid
from wherry.api.options import DeleteOptions
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.rules.pods.kubelet.static_pods import MIRROR, NotStatic, of_manifest, owned, pod_id

log = logging.getLogger(__name__)

PODS, NODES = resource("pods"), resource("nodes")
_EVERY = 1.0
_ENDINGS = (".yaml", ".yml", ".json", ".manifest")


class StaticPods:
    """`nodes`: their names; `there`: the nodes' pods that the API has now."""

    def __init__(self, client: Client, clock: Clock, folder: Path, nodes: Callable[[], list[str]], there: Callable[[], list[Obj]]) -> None:
        self._client, self._clock, self._folder, self._nodes, self._there = client, clock, folder, nodes, there
        self._files: dict[Path, tuple[int, list[Obj]]] = {}
        self._wanted: dict[str, Obj] = {}
        self._seen: dict[str, str] = {}

    async def run(self) -> None:
        while True:
            self._read()
            there = {key(pod): pod for pod in self._there() if key(pod) in self._wanted or _is_mirror(pod)}
            for at in sorted({*self._wanted, *there}):
                try:
                    await self._see_to(self._wanted.get(at), there.get(at))
                except (StatusError, OSError) as error:
                    log.warning("static pod %s is not as its manifest: %s", at, error)
            await self._clock.sleep(_EVERY)

    def keeps(self, pod: Obj) -> bool:
        """Does this mirror pod stand for a static pod that is to run?"""
        wanted = self._wanted.get(key(pod))
        return wanted is not None and _is_mirror(pod) and pod_id(wanted) == pod_id(pod)

    # --- the folder ---
    def _read(self) -> None:
        found: dict[Path, tuple[int, list[Obj]]] = {}
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix in _ENDINGS and not path.name.startswith("."))
        except OSError as error:
            if self._files:
                log.warning("the folder of static pods cannot be read: %s", error)
            paths = []
        for path in paths:
            known = self._files.get(path)
            try:
                at = path.stat().st_mtime_ns
            except OSError:
                continue
            found[path] = known if known is not None and known[0] == at else (at, self._pods_of(path, known[1] if known else []))
        self._files = found
        self._wanted = {key(pod): pod for _, pods in found.values() for pod in pods}

    def _pods_of(self, path: Path, before: list[Obj]) -> list[Obj]:
        try:
            content = yaml.safe_load(path.read_text())
            return [of_manifest(content, str(path), node) for node in self._nodes()]
        except (NotStatic, yaml.YAMLError, OSError, UnicodeDecodeError) as error:
            log.warning("no static pod in %s: %s", path, error)
            return before

    # --- the mirrors ---
    async def _see_to(self, wanted: Obj | None, there: Obj | None) -> None:
        """Raises StatusError, OSError."""
        if there is None:
            if wanted is not None:
                await self._create(wanted)
        elif wanted is None or pod_id(there) != pod_id(wanted):
            if _is_mirror(there) and not is_deleting(there):
                await self._delete(there, None)
        elif is_deleting(there):
            await self._delete(there, 0)  # somebody deleted what only shows it: it comes back

    async def _create(self, wanted: Obj) -> None:
        node = await self._client.get(NODES, "", wanted["spec"]["nodeName"])
        seen = self._seen.setdefault(pod_id(wanted), timestamps.micro_time(self._clock.now()))
        with contextlib.suppress(AlreadyExists):  # news of it is on its way
            await self._client.create(PODS, namespace(wanted), owned(wanted, node, seen))

    async def _delete(self, pod: Obj, grace: int | None) -> None:
        with contextlib.suppress(NotFound):
            await self._client.delete(PODS, namespace(pod), name(pod), DeleteOptions(grace_period_seconds=grace, uid=uid(pod)))


def _is_mirror(pod: Obj) -> bool:
    return MIRROR in (pod["metadata"].get("annotations") or {})
