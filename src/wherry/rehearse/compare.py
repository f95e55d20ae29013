"""Strategies side by side: each is played on the same world, and the fastest that keeps a given availability is named.

Called by the command line for --try and --keep-available. The way things are is always among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wherry.api.errors import Invalid
from wherry.api.int_or_percent import is_percent
from wherry.rehearse.change import Change, Strategy
from wherry.rehearse.play import Conditions, rehearse
from wherry.rehearse.report import Report
from wherry.rehearse.world import RehearsalError, World


@dataclass(frozen=True, slots=True)
class Spread:
    """One rollout played several times, with other draws of chance each time: how many finished, and between what the results lay."""

    runs: int
    finished: int
    fastest: float | None
    slowest: float | None
    fewest_available: int
    most_available: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`refused`: strategies that the API does not accept, with its reason. `least`: what has to stay available ("" : not asked).

    Of several runs the report is that of the worst; `spreads` has one entry for each report.
    """

    reports: tuple[Report, ...]
    spreads: tuple[Spread, ...]
    refused: tuple[tuple[str, str], ...] = ()
    least: int | str = ""

    @property
    def fit(self) -> list[Report]:
        """Those that finish and keep what has to be kept, the fastest first."""
        kept = [r for r in self.reports if r.duration is not None and (self.least == "" or r.keeps(self.least))]
        return sorted(kept, key=lambda r: r.duration or 0.0)

    @property
    def best(self) -> Report | None:
        return next(iter(self.fit), None)

    @property
    def shown(self) -> tuple[Report, Spread]:
        """The one to tell more about: the best of several, else the way things are."""
        report = self.best if self.best is not None and len(self.reports) > 1 else self.reports[0]
        return report, self.spreads[self.reports.index(report)]


def compare(
    world: World, change: Change, strategies: Iterable[Strategy], conditions: Conditions, least: int | str = "", runs: int = 1
) -> Comparison:
    """Raises as `rehearse` does for the way things are; an alternative that the API refuses is only noted."""
    found = [_played(world, change, Strategy(), conditions, runs)]
    refused: list[tuple[str, str]] = []
    for strategy in strategies:
        try:
            found.append(_played(world, change, strategy, conditions, runs))
        except Invalid as error:
            refused.append((strategy.text, error.message))
    return Comparison(tuple(map(_worst, found)), tuple(map(_spread, found)), tuple(refused), least)


def _played(world: World, change: Change, strategy: Strategy, conditions: Conditions, runs: int) -> list[Report]:
    return [rehearse(world, change, strategy, replace(conditions, seed=conditions.seed + i)) for i in range(max(runs, 1))]


def _worst(reports: list[Report]) -> Report:
    """One that does not finish before one that does, then the one with the fewest available pods, then the slowest."""
    return min(reports, key=lambda r: (r.duration is not None, r.lowest_available, -(r.duration or 0.0)))


def _spread(reports: list[Report]) -> Spread:
    times = [r.duration for r in reports if r.duration is not None]
    lowest = [r.lowest_available for r in reports]
    return Spread(len(reports), len(times), min(times, default=None), max(times, default=None), min(lowest), max(lowest))


def parse_least(text: str) -> int | str:
    """A number of pods, or a percentage. Raises RehearsalError."""
    if not text or text.isdigit():
        return int(text) if text else ""
    if is_percent(text):
        return text
    raise RehearsalError(f'"{text}" is neither a number of pods nor a percentage')
