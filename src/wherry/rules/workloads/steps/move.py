"""What brings the new pods to a share, or holds them there: one write at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wherry.api.objects import Obj
from wherry.errors import WherryError

#: fields of the spec as they should be; None takes a field away
Fields = Mapping[str, Any]


class NoSteps(WherryError):
    """The object cannot be rolled out in steps as it is."""


@dataclass(frozen=True, slots=True)
class Move:
    """Either fields to write, or pods to delete, or a ReplicaSet to scale; or nothing, then it has arrived or waits.

    `at`: when time alone changes something, in seconds since 1970.
    """

    fields: Fields = field(default_factory=dict)
    deletes: Sequence[Obj] = ()
    scale: tuple[Obj, int] | None = None
    arrived: bool = False
    at: float | None = None


ARRIVED, WAIT = Move(arrived=True), Move()


def differing(spec: Obj, wanted: Fields) -> dict[str, Any]:
    """Those of the fields that are not so yet."""
    return {name: value for name, value in wanted.items() if spec.get(name) != value}
