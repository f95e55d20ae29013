"""Failed daemon pods are deleted with growing pauses, so that DaemonSet and kubelet do not fight over a node in a hot loop.

Called by `manage` for a failed pod. The state is a plain value per DaemonSet, generation and node, which the controller keeps.
Source of the rule: pkg/controller/daemon (failedPodsBackoff), client-go flowcontrol.Backoff: 1 s, doubled up to 15 min.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

BASE = 1.0
CAP = 900.0
#: after so many seconds without a failure all is forgotten
FORGET = 2 * CAP


class Pause(NamedTuple):
    """No deletion for `delay` seconds after `since`."""

    delay: float
    since: float


Pauses = Mapping[str, Pause]


def left(pause: Pause | None, now: float) -> float:
    """Seconds until the next deletion is allowed; 0 when it is now."""
    return 0.0 if pause is None else max(0.0, pause.since + pause.delay - now)


def following(pause: Pause | None, now: float) -> Pause:
    """The pause after a deletion at this moment."""
    if pause is None or now - pause.since > FORGET:
        return Pause(BASE, now)
    return Pause(min(2 * pause.delay, CAP), now)


def remembered(pauses: Pauses, now: float) -> dict[str, Pause]:
    """Those that still matter."""
    return {key: pause for key, pause in pauses.items() if now - pause.since <= FORGET}
