"""How many pods of some kind are on each node, and how many there say what about other pods: counted once, then kept up to date.

The snapshot tells every pod that comes and goes; cluster-wide filters and scores read. So a decision costs time for the nodes, not for the
pods on them. Invariant: a tally is the number of pods on the node for which its question holds.
Source of the need: podtopologyspread and interpodaffinity of the reference count all pods for each decision.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import NamedTuple

from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.pod_terms import Term

#: node name -> number of pods; a node without any may be left out
Counts = dict[str, int]
Question = Callable[[PodInfo], bool]
#: (node name, pod) of all pods that have a node
Places = Iterable[tuple[str, PodInfo]]

#: questions kept; beyond that the one not asked for longest goes
_KEPT = 64
TOGETHER, APART, LIKED = "together", "apart", "liked"


class Voice(NamedTuple):
    """What pods that have a node say about others; `weight` of those that are liked. `counts`: how many say it, and where."""

    kind: str
    term: Term
    weight: int
    counts: Counts


def _voices_of(info: PodInfo) -> Iterator[tuple[tuple[str, int, bytes], str, Term, int]]:
    together, apart, liked = info.demand.terms
    for kind, terms in ((TOGETHER, together), (APART, apart)):
        for term in terms:
            yield (kind, 0, term.key), kind, term, 0
    for weight, term in liked:
        yield (LIKED, weight, term.key), LIKED, term, weight


def _add(counts: Counts, node: str, number: int) -> None:
    left = counts.get(node, 0) + number
    if left:
        counts[node] = left
    else:
        counts.pop(node, None)


class Tallies:
    def __init__(self) -> None:
        self._asked: dict[Hashable, tuple[Question, Counts]] = {}
        self._voices: dict[tuple[str, int, bytes], Voice] = {}

    def count(self, info: PodInfo, node: str, number: int) -> None:
        """The pod came to that node (1), or left it (-1)."""
        for question, counts in self._asked.values():
            if question(info):
                _add(counts, node, number)
        for key, kind, term, weight in _voices_of(info):
            voice = self._voices.get(key)
            if voice is None:
                voice = self._voices[key] = Voice(kind, term, weight, {})
            _add(voice.counts, node, number)
            if not voice.counts:
                del self._voices[key]

    def forget(self) -> None:
        """What questions hold for has changed otherwise: all are counted anew when they are asked next."""
        self._asked.clear()

    def ask(self, key: Hashable, question: Question, places: Callable[[], Places]) -> Counts:
        """The tally of the question with that key. Not to be changed."""
        found = self._asked.pop(key, None)
        if found is None:
            counts: Counts = {}
            for node, info in places():
                if question(info):
                    _add(counts, node, 1)
            found = question, counts
            if len(self._asked) >= _KEPT:
                del self._asked[next(iter(self._asked))]
        self._asked[key] = found  # at the end: the one asked last
        return found[1]

    def voices(self, *kinds: str) -> list[Voice]:
        return [voice for voice in self._voices.values() if voice.kind in kinds]

    @property
    def silent(self) -> bool:
        """No pod that has a node says anything."""
        return not self._voices


class Imagined(Tallies):
    """The tallies as they would be with some pods of one node gone and others there."""

    def __init__(self, real: Tallies, node: str, changes: Iterable[tuple[PodInfo, int]]) -> None:
        self._real, self._node, self._changes = real, node, tuple(changes)
        super().__init__()
        self._voices = {key: voice._replace(counts=dict(voice.counts)) for key, voice in real._voices.items()}
        for info, number in self._changes:
            self.count(info, node, number)

    def ask(self, key: Hashable, question: Question, places: Callable[[], Places]) -> Counts:
        counts = dict(self._real.ask(key, question, places))
        for info, number in self._changes:
            if question(info):
                _add(counts, self._node, number)
        return counts
