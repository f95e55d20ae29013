"""Differences as lines: `~ path: old -> new`, `+ path: new`, `- path: old`, in colour where that is wanted.

Source of the form: our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wherry.cli.kube.text.values import compact, escaped
from wherry.rollout.differences import Difference

_COLORS = {"+": "\x1b[32m", "-": "\x1b[31m", "~": "\x1b[33m"}
_END = "\x1b[0m"


def lines(differences: Sequence[Difference], *, color: bool = False, indent: str = "") -> str:
    """One line for each, a line feed at its end."""
    return "".join(f"{indent}{_line(d, color)}\n" for d in differences)


def _line(found: Difference, color: bool) -> str:
    if found.added:
        sign, text = "+", f"{found.path}: {shown(found.new)}"
    elif found.removed:
        sign, text = "-", f"{found.path}: {shown(found.old)}"
    else:
        sign, text = "~", f"{found.path}: {shown(found.old)} -> {shown(found.new)}"
    return f"{_COLORS[sign]}{sign} {text}{_END}" if color else f"{sign} {text}"


def shown(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, str):
        return escaped(value) if value and "\n" not in value and value == value.strip() else compact(value)
    return compact(value)
