"""What the lab looks like: bars that move on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherry.cli.lab import Row, Screen

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

#: cells a bar is wide on a wide terminal, and on a narrow one
WIDTH, LEAST = 40, 10
#: cells for an image (longer ones are cut), and for the longest counts there are
IMAGE, COUNTS = (13, 28), 30


def screen(plain: bool) -> Screen:
    """Bars when standard output is a terminal that can show them, unless `plain`."""
    if plain or not sys.stdout.isatty() or "utf" not in (sys.stdout.encoding or "").lower():
        return PlainScreen()
    from rich.console import Console

    return LiveScreen(Console(highlight=False))


class PlainScreen:
    """A line per change, for logs and pipes."""

    def __init__(self) -> None:
        self._last: list[Row] = []

    def step(self, number: int, total: int, commands: Sequence[str]) -> None:
        first, *more = commands
        print(f"\n[{number}/{total}] $ {first}", *(f"      $ {command}" for command in more), sep="\n", flush=True)

    def show(self, rows: list[Row], replicas: int, requests: str = "") -> None:
        if rows != self._last:
            self._last = rows
            live = [r for r in rows if r.ready + r.waiting + r.leaving]
            print("  " + "; ".join([*map(_sentence, live), *([requests] if requests else [])]), flush=True)

    def reached(self, text: str, ok: bool) -> None:
        print(f"  {'ok' if ok else 'NOT REACHED'}: {text}", flush=True)

    def note(self, text: str) -> None:
        print(f"\n$ {text}", flush=True)

    def close(self) -> None:
        """Nothing is open."""


def _sentence(row: Row) -> str:
    parts = [f"{row.ready} ready"]
    if row.waiting:
        parts.append(f"{row.waiting} not ready" + (f" ({row.trouble})" if row.trouble else ""))
    if row.leaving:
        parts.append(f"{row.leaving} terminating")
    return f"revision {row.revision} {row.image}: {', '.join(parts)}"


class LiveScreen:
    """A block of bars per step, redrawn in place while pods move, left standing when the step is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._last: tuple[list[Row], int, str] = ([], 0, "")

    def step(self, number: int, total: int, commands: Sequence[str]) -> None:
        from rich.live import Live
        from rich.text import Text

        self._console.print()
        for command in commands:
            at = f"{number}/{total} " if command == commands[0] else " " * len(f"{number}/{total} ")
            self._console.print(Text.assemble((at, "dim"), ("$ ", "green"), (command, "bold")))
        self._live = Live(console=self._console, refresh_per_second=20)
        self._live.start()

    def show(self, rows: list[Row], replicas: int, requests: str = "") -> None:
        if self._live is None or (rows, replicas, requests) == self._last:
            return
        self._last = (rows, replicas, requests)
        table = self._table([r for r in rows if r.ready + r.waiting + r.leaving], replicas)
        if not requests:
            self._live.update(table)
            return
        from rich.console import Group
        from rich.text import Text

        self._live.update(Group(table, Text(f"  {requests}", style="dim" if requests.endswith(" 0 failed") else "red")))

    def reached(self, text: str, ok: bool) -> None:
        from rich.text import Text

        self.close()
        self._console.print(Text.assemble(("  ✓ ", "green") if ok else ("  ✗ not reached: ", "red"), text))

    def note(self, text: str) -> None:
        from rich.text import Text

        command, _, rest = text.partition("\n")
        self._console.print(Text.assemble("\n", ("$ ", "green"), (command, "bold")))
        self._console.print(rest, markup=False)

    def close(self) -> None:
        """The block stays as it is, and the cursor comes back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self, rows: list[Row], replicas: int) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        names = [f"  rev {row.revision}" for row in rows]
        name = max([7, *map(len, names)])
        room = self._console.width - name - 3
        shortest, longest = IMAGE
        image = max(shortest, min(longest, room - COUNTS - LEAST, max([0, *(len(row.image) for row in rows)])))
        width = max(LEAST, min(WIDTH, room - COUNTS - image))
        for cells in (name, image, width, max(LEAST, min(room - image - width, 2 * COUNTS))):
            table.add_column(no_wrap=True, width=cells, overflow="ellipsis")
        for row, label in zip(rows, names, strict=True):
            table.add_row(
                Text(label, style="bold"),
                Text(row.image, style="cyan"),
                self._bar(row, replicas, width),
                Text(_counts(row), style="dim"),
            )
        return table

    def _bar(self, row: Row, replicas: int, width: int) -> RenderableType:
        """Whole cells per pod: ready, not ready, terminating, and what is missing to the replicas wanted."""
        from rich.text import Text

        total = max(replicas, row.ready + row.waiting + row.leaving)
        edges = [round(width * part / total) for part in (row.ready, row.ready + row.waiting, row.ready + row.waiting + row.leaving)]
        bar = Text()
        bar.append("█" * edges[0], style="green")
        bar.append("▒" * (edges[1] - edges[0]), style="red" if row.trouble else "yellow")
        bar.append("░" * (edges[2] - edges[1]), style="magenta")
        bar.append("·" * (width - edges[2]), style="dim")
        return bar


def _counts(row: Row) -> str:
    parts = [f"{row.ready} ready"] if row.ready else []
    if row.waiting:
        parts.append(f"{row.waiting} {row.trouble or 'starting'}")
    if row.leaving:
        parts.append(f"{row.leaving} leaving")
    return ", ".join(parts)
