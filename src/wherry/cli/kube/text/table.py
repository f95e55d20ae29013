"""A Table of the server to rows of text.

Called by `get`. The server makes the cells; here stand the columns that only the asker knows of: namespace, kind in front of the name,
labels, and the event of a watch.
Source: cli-runtime pkg/printers/tableprinter.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wherry.api.objects import Obj
from wherry.cli.kube.text.values import escaped, plain

_BREAK = re.compile(r"[\f\n\r]")


@dataclass(frozen=True, slots=True)
class Look:
    """How a table is shown. `kind`: `deployment.apps`, put before the name; "": not."""

    wide: bool = False
    headers: bool = True
    namespaces: bool = False
    kind: str = ""
    labels: tuple[str, ...] = ()
    show_labels: bool = False


class TablePrinter:
    """Prints tables one after the other; headers only when the columns change."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._columns: list[Obj] = []
        self._headed = False

    def text(self, table: Obj, event: str = "") -> str:
        """Lines with tabs between the cells."""
        columns = table.get("columnDefinitions") or []
        rows = table.get("rows") or []
        headers = self._look.headers and not (self._headed and (not columns or columns == self._columns))
        if columns and columns != self._columns:
            self._columns = columns
        self._headed = self._headed or bool(rows)
        if not rows:
            return ""
        lines = [self._header(event)] if headers else []
        return "".join(line + "\n" for line in [*lines, *(self._row(row, event) for row in rows)])

    def _shown(self) -> list[int]:
        return [i for i, column in enumerate(self._columns) if self._look.wide or not column.get("priority")]

    def _header(self, event: str) -> str:
        look = self._look
        names = (["EVENT"] if event else []) + (["NAMESPACE"] if look.namespaces else [])
        names += [self._columns[i]["name"].upper() for i in self._shown()]
        names += [label.rpartition("/")[2].upper() for label in look.labels] + (["LABELS"] if look.show_labels else [])
        return "\t".join(names)

    def _row(self, row: Obj, event: str) -> str:
        look, cells = self._look, row.get("cells") or []
        meta = (row.get("object") or {}).get("metadata")
        named = next((i for i, c in enumerate(self._columns) if c.get("format") == "name" and c.get("type") == "string"), -1)
        out = ([f"{event:<10}"] if event else []) + ([(meta or {}).get("namespace", "")] if look.namespaces else [])
        out += [cell(cells[i], f"{look.kind}/" if look.kind and i == named else "") for i in self._shown() if i < len(cells)]
        if meta is not None:
            out += label_cells(meta.get("labels") or {}, look.labels, look.show_labels)
        return "\t".join(out)


def cell(value: Any, prefix: str = "") -> str:
    """One cell: nothing for null, cut off at the first line break."""
    if value is None:
        return ""
    text = prefix + plain(value)
    found = _BREAK.search(text)
    return escaped(text[: found.start()]) + "..." if found else escaped(text)


def label_cells(labels: dict[str, str], names: Sequence[str], all_of_them: bool) -> list[str]:
    cells = [escaped(labels.get(name, "")) for name in names]
    if all_of_them:
        cells.append(escaped(",".join(f"{k}={labels[k]}" for k in sorted(labels))) or "<none>")
    return cells
