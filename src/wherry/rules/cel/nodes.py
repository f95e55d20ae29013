"""The expression tree of CEL: what the parser makes of a text, after macros are recognised.

Operators are calls with cel-go's names (`_+_`, `_&&_`, `!_`, `@in`, `_?_:_`), because error messages name them so. `at` is the offset in
the source that an error about the node points to.

Source of the rule: https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union


@dataclass(frozen=True, slots=True)
class Lit:
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Ident:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; `test` makes it `has(operand.field)`, `optional` makes it `operand.?field`."""

    operand: Node
    field: str
    at: int
    test: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    operand: Node
    index: Node
    at: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    target: Node | None
    name: str
    args: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class ListLit:
    """Elements, each with whether it is optional (`[?x]`)."""

    items: tuple[tuple[Node, bool], ...]
    at: int


@dataclass(frozen=True, slots=True)
class MapLit:
    entries: tuple[tuple[Node, Node, bool], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Struct:
    """`Name.of.type{field: value}`."""

    name: str
    fields: tuple[tuple[str, Node, bool], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Fold:
    """A macro over a list or map: `all`, `exists`, `exists_one`, `map`, `filter`, `transformList`, ... with one or two variables."""

    kind: str
    over: Node
    names: tuple[str, ...]
    bodies: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class OptMap:
    """`optional.optMap(name, body)`, or `optFlatMap`."""

    operand: Node
    name: str
    body: Node
    flat: bool
    at: int


Node = Union[Lit, Ident, Select, Index, Call, ListLit, MapLit, Struct, Fold, OptMap]  # noqa: UP007 (names above are forward references)
