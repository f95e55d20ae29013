"""What is said when a namespace enforces more than before: which pods that run there go against it.

Called with the pods of the namespace and what each violates; they run on. Source: EvaluatePodsInNamespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wherry.api.objects import Obj, controller_of

#: how many pods are looked at
MOST = 3000


class PodViolations(NamedTuple):
    """`reasons`: "" when there is nothing wrong."""

    name: str
    reasons: str


def prioritized(pods: Iterable[Obj]) -> list[Obj]:
    """One pod of each controller before the others like it."""
    first: list[Obj] = []
    more: list[Obj] = []
    seen: set[str] = set()
    for pod in pods:
        ref = controller_of(pod)
        if ref is not None and ref["uid"] in seen:
            more.append(pod)
            continue
        if ref is not None:
            seen.add(ref["uid"])
        first.append(pod)
    return first + more


def pod_warnings(namespace: str, policy: str, checked: Sequence[PodViolations], total: int) -> list[str]:
    by_reasons: dict[str, list[str]] = {}
    for name, why in checked:
        if why:
            by_reasons.setdefault(why, []).append(name)
    warnings = []
    if len(checked) < total:
        warnings.append(f"new PodSecurity enforce level only checked against the first {len(checked)} of {total} existing pods")
    if by_reasons:
        warnings.append(f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{policy}"')
    return warnings + sorted(f"{_who(names)}: {why}" for why, names in by_reasons.items())


def _who(names: list[str]) -> str:
    first, others = min(names), len(names) - 1
    if not others:
        return first
    return f"{first} (and {others} other {'pod' if others == 1 else 'pods'})"
