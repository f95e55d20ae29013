"""What a quota must know about one kind of object; most kinds are only counted.

Made in `evaluators`. Source: k8s.io/apiserver/pkg/quota/v1/interfaces.go, generic/evaluator.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wherry.api.objects import Obj
from wherry.rules.admission.quota.amounts import Amounts

#: (operation, subresource, new object, old object or None)
Handles = Callable[[str, str, Obj, Obj | None], bool]


def on_create(operation: str, subresource: str, new: Obj, old: Obj | None) -> bool:
    return operation == "CREATE" and not subresource


def on_write(operation: str, subresource: str, new: Obj, old: Obj | None) -> bool:
    return operation in ("CREATE", "UPDATE") and not subresource


def no_scope(requirement: Obj, obj: Obj) -> bool:
    return False


def nothing_missing(names: list[str], obj: Obj) -> str:
    return ""


def counted_as(group_resource: str) -> str:
    return f"count/{group_resource}"


@dataclass(frozen=True, slots=True)
class Evaluator:
    """`matches`: whether a resource name is about this kind; `usage`: what an object uses at a time; `in_scope`: whether an object is in
    what a scope requirement selects; `missing`: what an object must say under a quota of these names and does not, in words."""

    group_resource: str
    matches: Callable[[str], bool]
    usage: Callable[[Obj, float], Amounts]
    handles: Handles = on_create
    in_scope: Callable[[Obj, Obj], bool] = no_scope
    missing: Callable[[list[str], Obj], str] = nothing_missing

    def matching(self, names: Iterable[str]) -> list[str]:
        return sorted({name for name in names if self.matches(name)})


def counter(group_resource: str, alias: str = "") -> Evaluator:
    """Of a kind that is only counted. `alias` is an older name of the count."""
    names = tuple(name for name in (counted_as(group_resource), alias) if name)
    used = dict.fromkeys(names, "1")
    return Evaluator(group_resource, names.__contains__, lambda obj, now: used)
