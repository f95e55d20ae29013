"""Who depends on whom, by uid: the garbage collector's view of all objects, kept up by its informers.

`put` and `drop` follow each change and say which objects to look at because of it; nothing is decided here (see
`wherry.rules.objects.garbage`).
Source: pkg/controller/garbagecollector/graph_builder.go, without its stand-ins for owners not yet seen: a dependent of an unknown owner
is looked at itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from wherry.api.objects import Obj, is_deleting, uid
from wherry.rules.objects import garbage
from wherry.rules.objects.deletion import FOREGROUND, ORPHAN


class Graph:
    """Every object by uid, and the uids of the dependents of each uid (known or not)."""

    def __init__(self) -> None:
        self._objects: dict[str, Obj] = {}
        self._dependents: dict[str, dict[str, None]] = {}

    def get(self, uid: str) -> Obj | None:
        return self._objects.get(uid)

    def dependents(self, uid: str) -> list[Obj]:
        return [self._objects[each] for each in self._dependents.get(uid, ())]

    def is_solid(self, item: Obj) -> bool:
        """It is not being deleted, and every owner is known to be there and not to wait: nothing to do before one of them changes."""
        if is_deleting(item):
            return False
        for ref in garbage.references(item):
            owner = self._objects.get(ref["uid"])
            if owner is None or not garbage.fits(ref, item, owner) or garbage.waits_for_dependents(owner):
                return False
        return True

    def put(self, old: Obj | None, new: Obj) -> Iterator[str]:
        """A change of an object; uids to look at."""
        own = uid(new)
        before = old if old is not None and uid(old) == own else None
        if old is not None and before is None:
            yield from self.drop(old)
        self._objects[own] = new
        if before is None:
            yield from self._misfits(new)
        if garbage.references(new) != (garbage.references(before) if before is not None else []):
            yield from self._relink(own, before, new)
        if garbage.starts_to(ORPHAN, before, new):
            yield own
        elif garbage.starts_to(FOREGROUND, before, new):
            yield from self._dependents.get(own, ())
            yield own

    def drop(self, old: Obj) -> Iterator[str]:
        """An object is gone; uids to look at: its dependents, and owners that may have waited for it."""
        own = uid(old)
        known = self._objects.pop(own, None)
        yield from tuple(self._dependents.get(own, ()))
        for ref in garbage.references(known if known is not None else old):
            self._unlink(ref["uid"], own)
            owner = self._objects.get(ref["uid"])
            if owner is not None and garbage.waits_for_dependents(owner):
                yield ref["uid"]

    def unreachable(self, item: Obj) -> Iterator[Obj]:
        """References of the item to owners that are known to be in another namespace."""
        for ref in garbage.references(item):
            owner = self._objects.get(ref["uid"])
            if owner is not None and not garbage.in_reach(item, owner):
                yield ref

    def _relink(self, own: str, before: Obj | None, new: Obj) -> Iterator[str]:
        if before is not None:
            yield from (each for each in garbage.released(before, new) if each in self._objects)
            now = {ref["uid"] for ref in garbage.references(new)}
            for ref in garbage.references(before):
                if ref["uid"] not in now:
                    self._unlink(ref["uid"], own)
        doubtful = False
        for ref in garbage.added(before, new):
            self._dependents.setdefault(ref["uid"], {})[own] = None
            owner = self._objects.get(ref["uid"])
            doubtful = doubtful or owner is None or not garbage.fits(ref, new, owner)
        if doubtful:
            yield own

    def _misfits(self, owner: Obj) -> Iterator[str]:
        """Dependents seen before their owner that say something else about it than is true."""
        own = uid(owner)
        for each in tuple(self._dependents.get(own, ())):
            item = self._objects[each]
            if not all(garbage.fits(ref, item, owner) for ref in garbage.references(item) if ref["uid"] == own):
                yield each

    def _unlink(self, owner: str, own: str) -> None:
        found = self._dependents.get(owner)
        if found is not None:
            found.pop(own, None)
            if not found:
                del self._dependents[owner]
