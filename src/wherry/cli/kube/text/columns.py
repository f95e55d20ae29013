"""`-o custom-columns`: headers and JSONPath expressions to rows of cells.

Source: kubectl pkg/cmd/get/customcolumn.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wherry.api.objects import Obj
from wherry.cli.kube.text.values import escaped, plain
from wherry.rules.texts import jsonpath
from wherry.rules.texts.jsonpath import JsonPathError, parse


@dataclass(frozen=True, slots=True)
class Column:
    header: str
    path: str


def from_spec(spec: str) -> list[Column]:
    """`NAME:.metadata.name,IMAGE:.spec.containers[*].image`."""
    if not spec:
        raise JsonPathError("custom-columns format specified but no custom columns given")
    found = []
    for part in spec.split(","):
        header, colon, path = part.partition(":")
        if not colon:
            raise JsonPathError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        found.append(_column(header, path))
    return found


def from_template(text: str) -> list[Column]:
    """A line of headers and a line of expressions."""
    lines = text.splitlines()
    if len(lines) < 2:
        missing = "spec" if lines else "header"
        raise JsonPathError(f"invalid template, missing {missing} line. Expected format is one line of space separated headers, "
                            "one line of space separated column specs.")
    headers, specs = lines[0].split(), lines[1].split()
    if len(headers) != len(specs):
        raise JsonPathError(f"number of headers ({len(headers)}) and field specifications ({len(specs)}) don't match")
    return [_column(header, spec) for header, spec in zip(headers, specs, strict=True)]


def _column(header: str, path: str) -> Column:
    column = Column(header, jsonpath.relaxed(path))
    parse(column.path)
    return column


def header(columns: list[Column]) -> str:
    return "\t".join(column.header for column in columns) + "\n"


def row(columns: list[Column], obj: Obj) -> str:
    return "\t".join(_cell(column, obj) for column in columns) + "\n"


def _cell(column: Column, obj: Any) -> str:
    found = jsonpath.find(column.path, obj)
    values = [escaped(plain(value)) for values in found for value in values]
    return ",".join(values if found and found[0] else ["<none>", *values])
