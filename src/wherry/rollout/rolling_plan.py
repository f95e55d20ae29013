"""The steps of a rolling update between two ReplicationControllers, as numbers: pure.

Called by `rolling_update`. Between steps at least `least` pods stay available, and never more than `most` exist.
Source: kubectl 1.17 pkg/kubectl/rolling_updater.go (scaleUp, scaleDown).
"""

from __future__ import annotations

from dataclasses import dataclass

#: as it was: one pod more than wanted while updating, none less
MAX_SURGE, MAX_UNAVAILABLE = 1, 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """`desired`: the size of the new controller at the end."""

    desired: int
    least: int
    most: int


def bounds(desired: int) -> Bounds:
    """With the fixed surge and unavailability; towards nothing at all, everything may go."""
    return Bounds(desired, max(0, desired - MAX_UNAVAILABLE) if desired else 0, desired + MAX_SURGE)


def up(new: int, old: int, limits: Bounds) -> int:
    """The size of the new controller after scaling up as far as the surge allows; `new` when it does not."""
    if new == limits.desired:
        return new
    room = limits.desired - new if old == 0 else limits.most - (old + new)
    return min(new + room, limits.desired) if room > 0 else new


def down(new: int, old: int, available: int, limits: Bounds) -> int:
    """The size of the old controller after scaling down as far as availability allows. `available`: ready pods of the new one."""
    if old == 0:
        return 0
    if new == limits.desired and available == limits.desired:
        return 0
    unavailable = new - available
    surplus = old + new - limits.least - unavailable
    return max(0, old - surplus) if surplus > 0 else old
