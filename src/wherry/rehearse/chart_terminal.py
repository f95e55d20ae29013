"""A rehearsal as a picture in the terminal: pods over time, stacked, with the number wanted as a line. Pure but for `rich`.

New pods that are available stand at the bottom, then old ones, then those on the way, then those about to go. Each column shows the worst
moment of its time: the one with the fewest available pods. Without colour the four still have signs of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from wherry.rehearse.report import Moment, Report
from wherry.rehearse.text import seconds

if TYPE_CHECKING:
    from rich.text import Text

#: sign, style, words
LAYERS = (("█", "green", "available, new"), ("▓", "blue", "available, old"), ("░", "yellow", "starting"), ("·", "bright_black", "ending"))
HEIGHT = 12
_MARGIN = 6


def chart(report: Report, width: int, height: int = HEIGHT) -> Text:
    """`width` in columns, of which a few go to the axis."""
    from rich.text import Text

    columns = max(width - _MARGIN - 2, 10)
    end = report.end or 1.0
    shown = worst(report.timeline, end, columns)
    top = max([report.wanted, *(m.pods for m in shown)]) or 1
    rows = min(height, top)
    text = Text()
    for row in range(rows, 0, -1):
        # a row stands for the pods between two heights and takes the sign of what is in its middle
        level = (row - 0.5) * top / rows
        is_wanted = (row - 1) * top / rows < report.wanted <= row * top / rows
        text.append(f"{round(row * top / rows):>{_MARGIN - 2}} ", "dim")
        text.append("┤", "dim")
        signs = (_sign(moment, level, "─" if is_wanted else " ") for moment in shown)
        for (sign, style), run in groupby(signs):
            text.append(sign * len(list(run)), style)
        text.append("\n")
    text.append(" " * (_MARGIN - 1) + "└" + "─" * columns + "\n", "dim")
    text.append(_axis(end, columns) + "\n", "dim")
    text.append(" " * _MARGIN)
    for sign, style, words in LAYERS:
        text.append(sign, style)
        text.append(f" {words}  ")
    text.append(f"─ {report.wanted} wanted\n" if "─" in text.plain.partition("└")[0] else f"{report.wanted} wanted\n", "dim")
    return text


def worst(timeline: Sequence[Moment], end: float, columns: int) -> list[Moment]:
    """For each column the moment with the fewest available pods among those that touch its time."""
    found: list[Moment] = []
    at, current = 0, timeline[0]
    for column in range(columns):
        until = end * (column + 1) / columns
        least = current
        while at < len(timeline) and (timeline[at].at < until or (column == columns - 1 and timeline[at].at <= until)):
            current = timeline[at]
            least = min(least, current, key=lambda m: m.available)
            at += 1
        found.append(current if column == columns - 1 else least)
    return found


def _sign(moment: Moment, level: float, empty: str) -> tuple[str, str]:
    height = 0
    for amount, (sign, style, _) in zip((moment.available_new, moment.available_old, moment.starting, moment.ending), LAYERS, strict=True):
        height += amount
        if level <= height:
            return sign, style
    return empty, "dim"


def _axis(end: float, columns: int) -> str:
    """Times at the start, the quarters and the end."""
    line = [" "] * (columns + _MARGIN + 8)
    for quarter in range(5):
        label = seconds(end * quarter / 4) if quarter else "0"
        place = _MARGIN + round(columns * quarter / 4)
        place = max(place - (len(label) if quarter == 4 else len(label) // 2 if quarter else 0), 0)
        line[place : place + len(label)] = label
    return "".join(line).rstrip()
