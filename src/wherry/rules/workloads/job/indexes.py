"""Sets of completion indexes as ordered intervals, and as the text that a Job's status carries: `1,3-5,7`.

Called by the rules of Indexed Jobs. Intervals are (first, last), grow, and neither overlap nor touch. Reading forgives: parts that are
no numbers are passed over and what is beyond the number of completions is cut off (a Job may have been made smaller).
Source: pkg/controller/job orderedIntervals, parseIndexesFromString.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Intervals = tuple[tuple[int, int], ...]

_INTEGER = re.compile(r"[+-]?[0-9]+")


def parse(text: str, completions: int) -> Intervals:
    found: list[tuple[int, int]] = []
    for part in text.split(",") if text else ():
        first, *rest = part.split("-")
        if not _INTEGER.fullmatch(first) or (rest and not _INTEGER.fullmatch(rest[0])):
            continue
        low = int(first)
        if low >= completions:
            break
        found.append((low, min(int(rest[0]), completions - 1) if rest else low))
    return union(found)


def text(intervals: Intervals) -> str:
    return ",".join(_one(low, high) for low, high in intervals)


def _one(low: int, high: int) -> str:
    if low == high:
        return str(low)
    return f"{low},{high}" if high == low + 1 else f"{low}-{high}"


def union(*several: Iterable[tuple[int, int]]) -> Intervals:
    """All that is in any of them; the parts may come in any order."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(interval for each in several for interval in each):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def single(indexes: Iterable[int]) -> Intervals:
    return union((i, i) for i in indexes)


def total(intervals: Intervals) -> int:
    return sum(high - low + 1 for low, high in intervals)


def has(intervals: Intervals, index: int) -> bool:
    return any(low <= index <= high for low, high in intervals)


def common(one: Intervals, other: Intervals) -> int:
    """How many indexes are in both."""
    i = j = count = 0
    while i < len(one) and j < len(other):
        count += max(0, min(one[i][1], other[j][1]) - max(one[i][0], other[j][0]) + 1)
        if one[i][1] <= other[j][1]:
            i += 1
        else:
            j += 1
    return count


def missing(intervals: Intervals, completions: int) -> Iterator[int]:
    """The indexes below `completions` that are in no interval, in order."""
    candidate = 0
    for low, high in intervals:
        yield from range(candidate, min(low, completions))
        candidate = max(candidate, high + 1)
    yield from range(candidate, completions)
