"""The sentence that says why a pod fits nowhere: reasons counted over nodes, and what preemption could do about it.

Called by `decide`; the text is in the pod's PodScheduled condition and in the event FailedScheduling.
Source of the rule: pkg/scheduler/framework/types.go FitError.Error; framework/preemption Evaluator.Preempt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

NO_NODES = "no nodes available to schedule pods"
NO_CLAIMS = "no new claims to deallocate"  # what dynamic resources say of a pod without claims, always
NO_DEVICES = "still not schedulable"  # and of a pod with claims that none was ever allocated to
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"

#: what dynamic resources add when a pod was refused before they were asked (the reference's own slip)
NOT_ASKED = "not found"


def refused_before(nodes: int, reason: str) -> str:
    """The pod was refused before any node was looked at."""
    return f"0/{nodes} nodes are available: {reason}. {NOT_ASKED}"


def fit_error(nodes: int, reasons: Iterable[str], after: str = "") -> str:
    """`0/4 nodes are available: 1 node(s) ..., 3 Insufficient cpu. <after>`; the counted reasons are sorted as texts."""
    counted = sorted(f"{count} {reason}" for reason, count in Counter(reasons).items())
    text = f"0/{nodes} nodes are available:"
    if counted:
        text += f" {', '.join(counted)}."
    return f"{text} {after}" if after else text
