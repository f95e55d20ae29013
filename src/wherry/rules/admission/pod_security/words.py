"""How violations are told: a reason and a detail each, and the small words in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from wherry.api.objects import Obj


class Violation(NamedTuple):
    reason: str
    detail: str = ""


#: (metadata, spec) of a pod or a template
Check = Callable[[Obj, Obj], Violation | None]


def quoted(items: Iterable[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def counted(items: Sequence[str], one: str, many: str = "") -> str:
    """The word for one or for several."""
    return one if len(items) == 1 else many or f"{one}s"


def listed(items: Sequence[str], word: str = "container") -> str:
    """`container "a"`, `containers "a", "b"`."""
    return f"{counted(items, word)} {quoted(items)}"


def setters(pod: bool, containers: Sequence[str]) -> str:
    """Who says something: `pod and container "a"`."""
    return " and ".join([*(["pod"] if pod else []), *([listed(containers)] if containers else [])])


def detailed(found: Sequence[Violation]) -> str:
    return ", ".join(f"{v.reason} ({v.detail})" if v.detail else v.reason for v in found)


def reasons(found: Sequence[Violation]) -> str:
    return ", ".join(v.reason for v in found)


def containers_of(spec: Obj) -> list[Obj]:
    return [c for part in ("initContainers", "containers", "ephemeralContainers") for c in spec.get(part) or ()]


def security(of: Obj) -> Obj:
    context: Obj = of.get("securityContext") or {}
    return context


def is_windows(spec: Obj) -> bool:
    return (spec.get("os") or {}).get("name") == "windows"


def has_own_users(spec: Obj) -> bool:
    """It runs in a user namespace (KEP-127)."""
    return spec.get("hostUsers") is False
