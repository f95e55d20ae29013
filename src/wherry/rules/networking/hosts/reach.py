"""Which endpoints of a Service a machine leads to: those that it reaches.

Called by the service proxy. Pods of machines to which there is no way (an ordinary user's; a way that only one side has; nodes that are
simulated) would answer nobody, and others may. Endpoints that are no pods (without a node) are the affair of whoever made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wherry.api.objects import Obj


def reachable(slices: Iterable[Obj], reaches: Callable[[str], bool]) -> list[Obj]:
    """The slices with the endpoints that are left; `reaches` is asked about the address of a pod."""
    return [_slice(each, reaches) for each in slices]


def _slice(one: Obj, reaches: Callable[[str], bool]) -> Obj:
    listed = one.get("endpoints") or []
    left = [each for each in listed if not each.get("nodeName") or reaches(each["addresses"][0])]
    return one if len(left) == len(listed) else {**one, "endpoints": left}
