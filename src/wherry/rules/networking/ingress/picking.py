"""Which endpoint gets a request: one that is ready, in turns, and none that was tried in vain already.

Called for every request, again when the one before could not be reached. A pod that is being deleted counts as leaving from the moment its
deletion is known, before its endpoint says so. Weights and affinity belong here.
"""

from __future__ import annotations

from collections.abc import Container

from wherry.rules.networking.ingress.endpoints import Target, Targets


def pick(targets: Targets, turn: int, leaving: Container[str] = (), tried: Container[Target] = ()) -> Target | None:
    """`turn`: counts requests. `leaving`: uids of pods that are being deleted. None when there is nobody (more) to ask."""
    staying = [each for each in targets.ready if each.pod not in leaving] or targets.leaving or targets.ready
    left = [each for each in staying if each not in tried]
    return left[turn % len(left)] if left else None
