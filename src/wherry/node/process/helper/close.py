"""Closing what a child of the helper inherited: others' pipes, above all, whose end somebody waits for."""

from __future__ import annotations

import os
from collections.abc import Iterable

_MOST = 1 << 20


def close_all_but(kept: Iterable[int]) -> None:
    """Standard input, output and errors stay too."""
    low = 3
    for descriptor in sorted({number for number in kept if number > 2}):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, _MOST)
