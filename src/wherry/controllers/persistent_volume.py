"""The persistent volume controller: brings claims and volumes together, one write at a time.

Watches claims, volumes, classes, and pods that use claims. Its keys are those of claims (`namespace/name`) and volumes (`name`). Rules:
`wherry.rules.storage.binding`. Source of the wiring: pkg/controller/volume/persistentvolume/pv_controller_base.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, annotations_of, is_deleting, key
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.objects.plan import Emit, Plan
from wherry.rules.storage.binding import claims, names, volumes
from wherry.rules.storage.binding.names import claim_key, class_of
from wherry.rules.storage.binding.world import World

CLAIMS, VOLUMES, PODS = resource("persistentvolumeclaims"), resource("persistentvolumes"), resource("pods")
CLASSES = resource("storageclasses", "storage.k8s.io")
#: a binding takes four writes; nothing takes many more
_STEPS = 8


def by_use(volume: Obj) -> Iterable[str]:
    """`class <name>` of a volume that nobody has, `claim <key>` of one that somebody has or shall have."""
    at = claim_key(volume)
    return (f"claim {at}",) if at else (f"class {class_of(volume)}",)


def by_class(claim: Obj) -> Iterable[str]:
    """The class of a claim that is not bound."""
    return () if names.BIND_COMPLETED in annotations_of(claim) else (class_of(claim),)


class PersistentVolumeController(Controller):
    name = "persistentvolume-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._claims, self._volumes = self.informer(CLAIMS), self.informer(VOLUMES)
        self._classes, self._pods = self.informer(CLASSES), self.informer(PODS)
        #: what was told last about a claim that waits, and when
        self._told: dict[str, tuple[tuple[str, ...], float]] = {}
        self._pods.add_index("claim", names.claim_keys)
        self._volumes.add_index("use", by_use)
        self._claims.add_index("waiting", by_class)
        self._world = World(
            claim=self._claims.get,
            volume=self._volumes.get,
            storage_class=self._classes.get,
            classes=self._classes.items,
            candidates=self._candidates,
            pods_of=lambda at: self._pods.by_index("claim", at),
        )
        self.watch(CLAIMS, self._of_claim)
        self.watch(VOLUMES, self._of_volume)
        self.watch(CLASSES, self._of_class)

    async def reconcile(self, key: str) -> float | None:
        again: float | None = None
        for _ in range(_STEPS):
            plan = self._plan(key)
            if not plan.actions or self._is_told(key, plan):
                return plan.requeue_after or again
            error = (await self.apply(plan)).error
            if error is not None and not isinstance(error, NotFound):
                raise error
            if error is not None or all(isinstance(action, Emit) for action in plan.actions):
                return plan.requeue_after
            again = plan.requeue_after
            if again is not None:
                return again
        return again

    def _is_told(self, key: str, plan: Plan) -> bool:
        """A plan that only says what was said just before about the same version is nothing new, until it is time to say it again."""
        texts = [action.message for action in plan.actions if isinstance(action, Emit)]
        if len(texts) < len(plan.actions) or plan.requeue_after is None:
            return False
        now, said = self.clock.now(), (self._version(key), *texts)
        before = self._told.get(key)
        if before is not None and before[0] == said and now - before[1] < plan.requeue_after - 0.5:
            return True
        self._told[key] = (said, now)
        return False

    def _version(self, key: str) -> str:
        found = (self._claims if "/" in key else self._volumes).get(key)
        return found["metadata"]["resourceVersion"] if found is not None else ""

    def _plan(self, key: str) -> Plan:
        if "/" in key:
            claim = self._claims.get(key)
            if claim is None:
                self._told.pop(key, None)
            return claims.plan_claim(claim, self._world) if claim is not None else Plan()
        volume = self._volumes.get(key)
        return volumes.plan_volume(volume, self._world) if volume is not None else Plan()

    def _candidates(self, claim: Obj) -> Iterable[Obj]:
        free = self._volumes.by_index("use", f"class {class_of(claim)}")
        return [*self._volumes.by_index("use", f"claim {key(claim)}"), *free]

    # --- what wakes it ---
    def _of_claim(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """The claim; and when it is gone, or leaves its volume, the volume."""
        claim = new or old or {}
        yield key(claim)
        named = claim["spec"].get("volumeName")
        if named:
            yield named

    def _of_volume(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """The volume, the claim it is for, and claims that may wait for one like it."""
        volume = new or old or {}
        if new is not None:
            yield key(new)
        for each in (old, new):
            if each is not None and (at := claim_key(each)):
                yield at
        if new is not None and _became_available(old, new):
            yield from (key(claim) for claim in self._claims.by_index("waiting", class_of(volume)))

    def _of_class(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """Claims that wait for it; a new default class also those that name none."""
        if new is None:
            return
        for wanted in {key(new), ""}:
            yield from (key(claim) for claim in self._claims.by_index("waiting", wanted))


def _became_available(old: Obj | None, new: Obj) -> bool:
    if (new.get("status") or {}).get("phase") != "Available" or is_deleting(new):
        return False
    return (
        old is None
        or (old.get("status") or {}).get("phase") != "Available"
        or old["spec"] != new["spec"]
        or old["metadata"].get("labels") != new["metadata"].get("labels")
    )
