"""Plans: what a rule wants done, as frozen values. `wherry.reconcile.apply` is the one place that carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wherry.api.objects import Obj
from wherry.api.options import STRATEGIC_PATCH, PatchType


@dataclass(frozen=True, slots=True)
class Create:
    obj: Obj


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the object (its resourceVersion is the precondition). `subresource`: "" or "status"."""

    obj: Obj
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """Patch `target` (only its kind, namespace, name are read)."""

    target: Obj
    patch: Any
    patch_type: PatchType = STRATEGIC_PATCH
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete `target`, with its uid as precondition."""

    target: Obj
    grace_period_seconds: int | None = None
    propagation_policy: str = ""


@dataclass(frozen=True, slots=True)
class Emit:
    """Record an event about `about`: type is Normal or Warning."""

    about: Obj
    type: str
    reason: str
    message: str


Action = Create | Update | Patch | Delete | Emit


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in order, and when to look again (seconds from now; None: when something changes).

    An action that fails ends the plan: the controller reads again and plans anew (with back-off when it was an error).
    """

    actions: tuple[Action, ...] = ()
    requeue_after: float | None = None


NOTHING = Plan()
