"""What a controller knows of each owner's pods from look to look, and which of them changed since.

Used by the controllers whose sets may be large (ReplicaSet, ReplicationController, StatefulSet): a look then costs as much as there is
news. A standing is forgotten when its owner is gone, when what it was made for changed, and when pods have to be adopted or released; then
the next look sees all pods again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.client.informer import Informer

S = TypeVar("S")


class Standings(Generic[S]):
    """By the uid of the owner. `pods`: has the indexes `owner` and `orphan`."""

    def __init__(self, pods: Informer) -> None:
        self._pods = pods
        self._known: dict[str, S] = {}
        #: the keys of the pods that changed since the standing was told
        #: in the order in which they did, so that a run repeats whatever the hash seed
        self._changed: dict[str, dict[str, None]] = {}

    def find(self, owner: Obj) -> S | None:
        return self._known.get(objects.uid(owner))

    def get(self, owner: Obj, new: Callable[[], S]) -> S:
        """A new one is kept only once it was told (`keep`)."""
        found = self.find(owner)
        return new() if found is None else found

    def check(self, owner: Obj, fits: Callable[[S], bool]) -> None:
        """Forget one that was made for something else."""
        found = self.find(owner)
        if found is not None and not fits(found):
            self.forget(owner)

    def news(self, owner: Obj) -> list[Obj]:
        """The pods that its standing was not told of: those that changed, or all that it controls."""
        uid = objects.uid(owner)
        if (changed := self._changed.get(uid)) is None:
            return self._pods.by_index("owner", uid)
        return [pod for key in changed if (pod := self._pods.get(key)) is not None]

    def gone(self, owner: Obj, own: Iterable[Obj]) -> set[str]:
        """The names of the pods of the news that are not (or not any more) among its `own`."""
        changed = self._changed.get(objects.uid(owner))
        return {key.rpartition("/")[2] for key in changed.keys() - set(map(objects.key, own))} if changed else set()

    def keep(self, owner: Obj, standing: S) -> None:
        """It was told of all news."""
        uid = objects.uid(owner)
        self._known[uid], self._changed[uid] = standing, {}

    def forget(self, owner: Obj) -> None:
        uid = objects.uid(owner)
        self._known.pop(uid, None)
        self._changed.pop(uid, None)

    def note(self, old: Obj | None, new: Obj | None) -> None:
        """A pod changed, as an informer says it."""
        if not self._changed:
            return
        for pod in (old, new):
            ref = objects.controller_of(pod) if pod is not None else None
            if pod is not None and ref is not None:
                self._mark(ref["uid"], objects.key(pod))

    def note_owner(self, old: Obj | None, new: Obj | None) -> None:
        """An owner changed: what was known of one that is gone, or that another of its name replaced, is forgotten."""
        if old is not None and (new is None or objects.uid(new) != objects.uid(old)):
            self.forget(old)

    def mark(self, owner: Obj, pod: str) -> None:
        """A pod is to be seen again, whatever it was that changed; `pod`: its name."""
        self._mark(objects.uid(owner), f"{objects.namespace(owner)}/{pod}")

    def _mark(self, uid: str, key: str) -> None:
        if (changed := self._changed.get(uid)) is not None:
            changed[key] = None
