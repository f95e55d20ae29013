"""How quickly nodes of a zone may be tainted for eviction: slower, or not at all, when much of the zone is silent at once.

Called by the node lifecycle controller. When every zone is silent, it is more likely that the control plane is cut off, and nobody is
evicted. Source of the rule: pkg/controller/nodelifecycle ComputeZoneState, handleDisruption; https://kubernetes.io/docs/concepts/architecture/nodes/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj

State = Literal["Normal", "PartialDisruption", "FullDisruption"]
#: nodes per second; the second one for zones that are partly silent, if they are large
RATE, SECOND_RATE, LARGE, UNHEALTHY = 0.1, 0.01, 50, 0.55
EXCLUDED = "node.kubernetes.io/exclude-disruption"


def zone_of(node: Obj) -> str:
    labels = objects.labels(node)
    zone = labels.get("failure-domain.beta.kubernetes.io/zone", labels.get("topology.kubernetes.io/zone", ""))
    region = labels.get("failure-domain.beta.kubernetes.io/region", labels.get("topology.kubernetes.io/region", ""))
    return f"{region}:\0:{zone}" if region or zone else ""


def state(ready: Iterable[bool]) -> State:
    found = list(ready)
    silent = found.count(False)
    if silent and silent == len(found):
        return "FullDisruption"
    return "PartialDisruption" if silent > 2 and silent / len(found) >= UNHEALTHY else "Normal"


def rates(zones: Mapping[str, list[bool]]) -> dict[str, float]:
    """Nodes per second for each zone, from the readiness of its nodes; 0 is never."""
    states = {zone: state(ready) for zone, ready in zones.items()}
    if all(s == "FullDisruption" for s in states.values()):
        return dict.fromkeys(zones, 0.0)
    return {zone: _rate(s, len(zones[zone])) for zone, s in states.items()}


def _rate(how: State, size: int) -> float:
    if how != "PartialDisruption":
        return RATE
    return SECOND_RATE if size > LARGE else 0.0


class Pace(NamedTuple):
    """One node at a time: `free_at` is the next moment at which one may be tainted."""

    rate: float = RATE
    free_at: float = 0.0

    def wait(self, now: float) -> float | None:
        """Seconds until the next node's turn; None: not before the pace changes."""
        return max(0.0, self.free_at - now) if self.rate > 0 else None

    def spent(self, now: float) -> Pace:
        return Pace(self.rate, now + 1 / self.rate)

    def at(self, rate: float, now: float) -> Pace:
        """Another pace; who waits now waits anew."""
        if rate == self.rate:
            return self
        waits = self.wait(now)
        return Pace(rate, now + 1 / rate if rate > 0 and waits != 0.0 else 0.0)
