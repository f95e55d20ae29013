"""Rows of cells to aligned text, as Go's tabwriter lays them out.

Called by every printer of columns. Cells are ended by tabs; a column is a block of neighbouring rows that have that cell, and as wide
as its widest cell; the text after a row's last tab is not part of a column. `remember`: columns never become narrower from one flush to
the next, so that rows a watch adds later stay aligned. Wide characters count as two places, which is what terminals give them.
Source: text/tabwriter, github.com/liggitt/tabwriter (RememberWidths).
"""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """Places on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class TabWriter:
    """`write` text with tabs and line feeds; `flush` gives it aligned. The defaults are those of kubectl's tables."""

    def __init__(self, minimum: int = 6, padding: int = 3, *, remember: bool = True) -> None:
        self._minimum = minimum
        self._padding = padding
        self._remember = remember
        self._widths: list[int] = []
        self._pending = ""

    def write(self, text: str) -> None:
        self._pending += text

    def forget(self) -> None:
        """Start with fresh column widths."""
        self._widths = []

    def flush(self) -> str:
        text, self._pending = self._pending, ""
        if not text:
            return ""
        lines = [line.split("\t") for line in text.split("\n")]
        out: list[list[str]] = [[] for _ in lines]
        self._format(lines, out, 0, len(lines), 0)
        return "\n".join("".join(cells) for cells in out)

    def _format(self, lines: list[list[str]], out: list[list[str]], start: int, end: int, column: int) -> None:
        """Lay out rows start..end from a column on; all cells before it are done."""
        at = start
        while at < end:
            if column >= len(lines[at]) - 1:
                out[at].append(lines[at][-1])
                at += 1
                continue
            stop = at
            while stop < end and column < len(lines[stop]) - 1:
                stop += 1
            size = self._size(lines, at, stop, column)
            for row in range(at, stop):
                cell = lines[row][column]
                out[row].append(cell + " " * (size - width(cell)))
            self._format(lines, out, at, stop, column + 1)
            at = stop

    def _size(self, lines: list[list[str]], start: int, stop: int, column: int) -> int:
        size = max([self._minimum, *(width(lines[row][column]) + self._padding for row in range(start, stop))])
        if self._remember:
            if column < len(self._widths):
                size = self._widths[column] = max(size, self._widths[column])
            elif column == len(self._widths):
                self._widths.append(size)
        return size


def tabbed(text: str) -> str:
    """Aligned as describers do it: two places between columns, no least width."""
    writer = TabWriter(0, 2, remember=False)
    writer.write(text)
    return writer.flush()
