"""Two revisions beside each other, line by line, as YAML. Pure.

Called by the dashboard; `differences` says the same as paths.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from wherry.api.objects import Obj
from wherry.kit.yaml_text import dump
from wherry.rollout.changes import without_hash

#: lines around a change that are shown too
AROUND = 3


class Row(NamedTuple):
    """One line of each side, "" where that side has none. `fold` lines were left out in place of this one."""

    kind: Literal["same", "changed", "added", "removed", "fold"]
    old: str
    new: str
    fold: int = 0


def rows(old: Obj, new: Obj) -> list[Row]:
    """Of two pod templates; what is equal on both sides is folded but for a few lines around each change."""
    left, right = dump(without_hash(old)).splitlines(), dump(without_hash(new)).splitlines()
    found: list[Row] = []
    for tag, i, j, k, m in SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes():
        if tag == "equal":
            found += _folded(left[i:j], is_first=i == 0, is_last=j == len(left))
        else:
            found += [_row(left[i:j], right[k:m], at) for at in range(max(j - i, m - k))]
    return found


def _row(left: list[str], right: list[str], at: int) -> Row:
    old, new = (side[at] if at < len(side) else "" for side in (left, right))
    if at >= len(left):
        return Row("added", "", new)
    return Row("removed", old, "") if at >= len(right) else Row("changed", old, new)


def _folded(lines: list[str], *, is_first: bool, is_last: bool) -> list[Row]:
    before, after = (0 if is_first else AROUND), (0 if is_last else AROUND)
    if len(lines) <= before + after + 1:
        return [Row("same", line, line) for line in lines]
    kept_before, kept_after = lines[:before], lines[len(lines) - after :] if after else []
    fold = Row("fold", "", "", len(lines) - before - after)
    return [*(Row("same", each, each) for each in kept_before), fold, *(Row("same", each, each) for each in kept_after)]
