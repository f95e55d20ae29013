"""The scheduler's side of volumes: what decisions look up, which changes wake pods, and the writes that come before a binding.

Kept by the scheduler. After a decision the volumes it chose are assumed taken; before the pod is bound, its claims are told (`prepare`)
and waited for. Invariant: a volume is assumed for one claim at a time, until the informers show who has it.
Source of the rule: pkg/scheduler/framework/plugins/volumebinding (Reserve, PreBind); queueing hints of the volume plug-ins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, annotations_of, is_deleting, key, labels, name
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.rules.objects.plan import Update
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.volumes.binding import find, writes
from wherry.rules.placing.volumes.world import VolumeWorld, is_bound, pod_claims
from wherry.rules.storage.binding import names
from wherry.rules.storage.binding.names import claim_key, claim_keys, claims_of_pod, class_of

CLAIMS, VOLUMES, PODS = resource("persistentvolumeclaims"), resource("persistentvolumes"), resource("pods")
CLASSES, CSI_NODES = resource("storageclasses", "storage.k8s.io"), resource("csinodes", "storage.k8s.io")
DRIVERS, CAPACITIES = resource("csidrivers", "storage.k8s.io"), resource("csistoragecapacities", "storage.k8s.io")
PLUGINS = frozenset({"VolumeBinding", "VolumeZone", "VolumeRestrictions", "NodeVolumeLimits"})

WakePod = Callable[[str], None]
WakeAll = Callable[[frozenset[str]], None]


class Prepared(NamedTuple):
    """What has to be written before a pod is bound, and the claims that a provisioner is told to serve."""

    updates: list[Update]
    provisions: frozenset[str]


class VolumeBinder:
    """`world` is for the snapshot."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._informers = informers
        self._pods = informers.of(PODS)
        self._claims, self._volumes = informers.of(CLAIMS), informers.of(VOLUMES)
        self._classes, self._csi_nodes = informers.of(CLASSES), informers.of(CSI_NODES)
        self._drivers, self._capacities = informers.of(DRIVERS), informers.of(CAPACITIES)
        self._pods.add_index("claim", claim_keys)
        self._volumes.add_index("class", lambda volume: (class_of(volume),))
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self.world = VolumeWorld(
            claim=self._claims.get,
            volume=self._volumes.get,
            storage_class=self._classes.get,
            csi_node=self._csi_nodes.get,
            volumes_of=lambda wanted: self._volumes.by_index("class", wanted),
            users=lambda claim: self._pods.by_index("claim", claim),
            csi_driver=self._drivers.get,
            capacities=self._capacities.items,
        )

    async def synced(self) -> None:
        for informer in (self._claims, self._volumes, self._classes, self._csi_nodes, self._drivers, self._capacities):
            await informer.synced()

    def follow(self, wake_pod: WakePod, wake_all: WakeAll) -> None:
        """Tell the queue of changes that could help pods that wait."""

        def of_claim(old: Obj | None, new: Obj | None) -> None:
            at = key(new or old or {})
            for event in self._waiting.get(at, ()):
                event.set()
            for pod in self._pods.by_index("claim", at) if new is not None and _tells(old) != _tells(new) else ():
                wake_pod(key(pod))

        def of_volume(old: Obj | None, new: Obj | None) -> None:
            if new is None:
                self.world.assumed.pop(key(old or {}), None)
                return
            at = claim_key(new)
            if at:
                self.world.assumed.pop(name(new), None)
                for pod in self._pods.by_index("claim", at):
                    wake_pod(key(pod))
            elif _helps(old, new):
                wake_all(PLUGINS)

        def of_class(old: Obj | None, new: Obj | None) -> None:
            if new is not None and (old is None or old.get("allowedTopologies") != new.get("allowedTopologies")):
                wake_all(PLUGINS)

        def of_csi_object(old: Obj | None, new: Obj | None) -> None:
            if new is not None:
                wake_all(PLUGINS)

        self._claims.add_handler(of_claim)
        self._volumes.add_handler(of_volume)
        self._classes.add_handler(of_class)
        for informer in (self._csi_nodes, self._drivers, self._capacities):
            informer.add_handler(of_csi_object)

    # --- from the decision to the binding ---
    def assume(self, info: PodInfo, node: str, snapshot: Snapshot) -> Prepared | None:
        """What has to be written for the pod to run there; its volumes are taken from now on. None: all its claims are bound."""
        at = snapshot.node(node)
        if at is None or not claims_of_pod(info.pod):
            return None
        claims = pod_claims(info.pod, self.world)
        if not claims.delayed:
            return None
        found = find(claims, at, self.world)
        for volume, claim in found.bindings:
            self.world.assumed[name(volume)] = key(claim)
        return Prepared(writes(found, node), frozenset(map(key, found.provisions)))

    def forget(self, info: PodInfo) -> None:
        """The decision came to nothing."""
        mine = set(claim_keys(info.pod))
        for volume in [v for v, claim in self.world.assumed.items() if claim in mine]:
            del self.world.assumed[volume]

    async def prepare(self, info: PodInfo, node: str, prepared: Prepared, timeout: float) -> None:
        """Write, then wait until every claim is bound. Raises StatusError, also for a provisioner that gave up, and when time is over."""
        for update in prepared.updates:
            target = VOLUMES if update.obj["kind"] == "PersistentVolume" else CLAIMS
            self._informers.absorb(target, await self._client.update(target, update.obj))
        try:
            async with asyncio.timeout(timeout):
                for at in claim_keys(info.pod):
                    await self._bound(at, node, at in prepared.provisions)
        except TimeoutError:
            raise StatusError("binding volumes: context deadline exceeded") from None

    async def _bound(self, at: str, node: str, told: bool) -> None:
        event = asyncio.Event()
        self._waiting.setdefault(at, []).append(event)
        try:
            while True:
                claim = self._claims.get(at)
                if claim is None:
                    raise StatusError(f'binding volumes: persistentvolumeclaim "{at.partition("/")[2]}" not found')
                if is_bound(claim):
                    return
                if told and annotations_of(claim).get(names.SELECTED_NODE) != node:
                    raise StatusError(f'binding volumes: provisioning failed for PVC "{name(claim)}"')
                event.clear()
                await event.wait()
        finally:
            self._waiting[at].remove(event)
            if not self._waiting[at]:
                del self._waiting[at]


def _tells(claim: Obj | None) -> tuple[object, ...]:
    """What a decision reads of a claim; all else may change without anybody looking again."""
    if claim is None:
        return ()
    node = annotations_of(claim).get(names.SELECTED_NODE)
    phase = (claim.get("status") or {}).get("phase")
    return claim["metadata"].get("uid"), is_bound(claim), class_of(claim), node, phase, is_deleting(claim)


def _helps(old: Obj | None, new: Obj) -> bool:
    """A volume that somebody could get now, or from elsewhere than before."""
    if is_deleting(new) or (new.get("status") or {}).get("phase") != "Available":
        return False
    return old is None or (old.get("status") or {}).get("phase") != "Available" or labels(old) != labels(new) or old["spec"] != new["spec"]
