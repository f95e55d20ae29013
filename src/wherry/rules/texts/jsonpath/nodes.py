"""The parsed form of a JSONPath template: a list of texts and actions, each action a list of steps.

Made by `parse`, walked by `find`.
Source: client-go util/jsonpath/node.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class JsonPathError(Exception):
    """The template is wrong, or does not fit the object."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or boolean."""

    value: Any


@dataclass(frozen=True, slots=True)
class Field:
    name: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    pass


@dataclass(frozen=True, slots=True)
class Recursive:
    pass


@dataclass(frozen=True, slots=True)
class Word:
    """`range` or `end`."""

    name: str


@dataclass(frozen=True, slots=True)
class Slice:
    """`[start:stop:step]`; None: not said. `derived`: stop was not said and is start + 1 (a single index)."""

    start: int | None
    stop: int | None
    step: int | None
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Union:
    parts: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(left operator right)]`; operator "exists" has no right side."""

    left: Action
    operator: str
    right: Action


Step = Literal | Field | Wildcard | Recursive | Word | Slice | Union | Filter


@dataclass(frozen=True, slots=True)
class Action:
    """What stands between braces."""

    steps: tuple[Step, ...]


Template = tuple[Literal | Action, ...]
