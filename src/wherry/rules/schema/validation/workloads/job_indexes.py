"""Sets of indexes of an Indexed Job as text: `1,3-5,7`.

Called by the rules for success policies and for a Job's status. Intervals grow, and every index is below the number of completions.
Source: pkg/apis/batch/validation validateIndexesFormat, validateFailedIndexesNotOverlapCompleted.
"""

from __future__ import annotations

import re

from wherry.api.field import show

_INTEGER = re.compile(r"[+-]?[0-9]+")


def total(text: str, completions: int) -> int:
    """How many indexes the text names. Raises ValueError with the reference's text."""
    count, last = 0, None
    for part in text.split(",") if text else ():
        low, high = _interval(part, completions)
        if last is not None and last >= low:
            raise ValueError(f"non-increasing order, previous: {last}, current: {low}")
        count, last = count + high - low + 1, high
    return count


def _interval(text: str, completions: int) -> tuple[int, int]:
    limits = text.split("-")
    if len(limits) > 2:
        raise ValueError(
            f"the fragment {show(text)} violates the requirement that an index interval can have at most two parts separated by '-'"
        )
    low = _index(limits[0], completions)
    if len(limits) == 1:
        return low, low
    high = _index(limits[1], completions)
    if low >= high:
        raise ValueError(f"non-increasing order, previous: {low}, current: {high}")
    return low, high


def _index(text: str, completions: int) -> int:
    if not _INTEGER.fullmatch(text) or abs(int(text)) >= 2**63:
        raise ValueError(f"cannot convert string to integer for index: {show(text)}")
    if int(text) >= completions:
        raise ValueError(f"too large index: {show(text)}")
    return int(text)


def overlap(completed: str, failed: str, completions: int) -> int | None:
    """The first index that is in both; intervals that cannot be read are passed over."""
    ours, theirs = _readable(completed, completions), _readable(failed, completions)
    i = j = 0
    while i < len(ours) and j < len(theirs):
        (a, b), (x, y) = ours[i], theirs[j]
        if a <= y and x <= b:
            return max(a, x)
        if a <= x:
            i += 1
        else:
            j += 1
    return None


def _readable(text: str, completions: int) -> list[tuple[int, int]]:
    found = []
    for part in text.split(",") if text else ():
        try:
            found.append(_interval(part, completions))
        except ValueError:
            continue
    return found
