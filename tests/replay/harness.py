"""Replays recordings of the reference on a cluster of ours: what both the transcript tests and the API tests need.

A `Session` is one fresh namespace on a running cluster, watched from its start so that invented names get their placeholders in order of
creation, and a way to wait until the controllers are quiet as the recorder did.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import time
from collections import deque
from pathlib import Path
from typing import Any

from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import WriteOptions

GOLDEN = Path(__file__).parent.parent / "golden"
_spec = importlib.util.spec_from_file_location("golden_normalise", GOLDEN / "normalise.py")
assert _spec is not None
assert _spec.loader is not None
normalise = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(normalise)

#: table of the store -> kind, for what `Normaliser.see` wants
SEEN = {
    "pods": "Pod",
    "replicasets.apps": "ReplicaSet",
    "controllerrevisions.apps": "ControllerRevision",
    "endpointslices.discovery.k8s.io": "EndpointSlice",
}
#: tables whose writes do not count as change
NOISE = {"leases.coordination.k8s.io", "nodes"}
#: the recorder waited a second of silence; ours is quicker than the reference
SILENCE = 0.08
LONGEST = 20.0
_numbers = itertools.count(1)


def _not_yet_available(status: Obj) -> bool:
    """Whether pods are Ready that minReadySeconds keeps from counting."""
    ready, available = status.get("readyReplicas", 0), status.get("availableReplicas", 0)
    return bool(ready > available or status.get("numberReady", 0) > status.get("numberAvailable", 0))


class Session:
    """A namespace on a cluster that runs on its own thread (`with Cluster(...) as cluster`)."""

    def __init__(self, cluster: Cluster, **normaliser: Any) -> None:
        self.cluster = cluster
        self.namespace = f"replay-{next(_numbers)}"
        self.normaliser = normalise.Normaliser({self.namespace: "<NS>"}, **normaliser)
        self.changed = time.monotonic()
        self.recent: deque[str] = deque(maxlen=8)
        self._rested_at = -1
        self._call(self._begin())

    def _call(self, work: Any) -> Any:
        return self.cluster.call(work)

    async def _begin(self) -> None:
        from wherry.api.resources import resource

        self._stream = self.cluster.store.watch("", after=self.cluster.store.revision)
        self._task = asyncio.get_running_loop().create_task(self._observe())
        # the recorder's clusters had run for a while, and forgot what they began with
        self.cluster.store.compact(self.cluster.store.revision)
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await self.cluster.aclient.create(resource("namespaces"), "", body, options=WriteOptions(field_manager="unknown"))
        while await self.cluster.store.get(f"serviceaccounts/{self.namespace}/default") is None:  # noqa: ASYNC110 (a test looks from outside)
            await asyncio.sleep(0.005)

    async def _observe(self) -> None:
        async for batch in self._stream:
            for record in batch:
                table = record.key.split("/", 1)[0]
                if table in SEEN and record.create_revision == record.revision and record.key.startswith(f"{table}/{self.namespace}/"):
                    self.normaliser.see(SEEN[table], record.object())
                if table not in NOISE:
                    self.changed = time.monotonic()
                    self.recent.append(record.key)

    def quiet(self) -> None:
        """Until statuses are observed, nothing terminates and nothing has changed for a while."""
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            if self.cluster.store.revision == self._rested_at:
                return  # nothing was written since they were at rest
            busy, extra = self._call(self._busy())
            if not busy and time.monotonic() - self.changed > SILENCE + extra:
                self._rested_at = self.cluster.store.revision
                return
            time.sleep(0.02)
        raise TimeoutError(f"controllers do not come to rest; last written: {list(self.recent)}")

    async def _busy(self) -> tuple[bool, float]:
        extra = 0.0
        for table in ("deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "pods"):
            for record in (await self.cluster.store.range(f"{table}/{self.namespace}/")).records:
                obj: Obj = record.object()
                meta, spec, status = obj["metadata"], obj.get("spec", {}), obj.get("status", {})
                if meta.get("deletionTimestamp") and not meta.get("finalizers") and (table != "pods" or await self._has_agent(spec)):
                    return True, 0.0
                if table != "pods" and status.get("observedGeneration", 0) < meta.get("generation", 0):
                    return True, 0.0
                if _not_yet_available(status):
                    extra = max(extra, float(spec.get("minReadySeconds", 0)))
        return False, extra

    async def _has_agent(self, pod_spec: Obj) -> bool:
        """Whether somebody will finish a terminating pod: one bound to a node that is not there stays."""
        return await self.cluster.store.get(f"nodes/{pod_spec.get('nodeName', '')}") is not None

    def later(self) -> None:
        """The recorder's steps lay a second and more apart, and Kubernetes writes times in whole seconds: so do ours, without waiting."""
        self.cluster.clock.shift(1.0)

    def close(self) -> None:
        self._call(self._end())

    async def _end(self) -> None:
        self._task.cancel()
        self._stream.close()
