"""Containers that an earlier process started and that its engine still has: they wait here until their pod's worker asks for them.

Used by the runtime, for engines whose containers outlive their process. A worker asks by id for one that its pod's status says runs; or,
when it would start one, by pod, name and run: it runs already, and nobody lived to write that down. Invariant: how one ended is kept until
whoever takes it is told, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wherry.node.engine import Exit, Known


class Left:
    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._taken: dict[str, Known] = {}
        self._ends: dict[str, Exit] = {}

    def found(self, known: Iterable[Known]) -> None:
        self._known.update((each.id, each) for each in known)

    def take(self, id: str) -> bool:
        """Is it one of these? From now on it is the asker's."""
        known = self._known.pop(id, None)
        if known is not None:
            self._taken[id] = known
        return known is not None

    def started(self, pod: str, name: str, run: int) -> Known | None:
        """The one of that run, which is the asker's then."""
        for known in self._known.values():
            if (known.pod, known.name, known.run) == (pod, name, run):
                self.take(known.id)
                return known
        return None

    def number(self, id: str) -> int:
        """How often one that was taken had been started before."""
        return self._taken[id].run if id in self._taken else 0

    def ended(self, exit: Exit) -> None:
        if exit.id in self._known:
            self._ends[exit.id] = exit

    def tell(self, id: str, then: Callable[[Exit], None]) -> None:
        """How one that was taken ended, if it has."""
        self._taken.pop(id, None)
        exit = self._ends.pop(id, None)
        if exit is not None:
            then(exit)
