"""How long pods take: given, observed on the pods that are there, or assumed. Pure.

`live` observes, the command line gives, `assumed` fills in the rest from what the template says. Each value keeps where it is from, and
the report says it: a prediction is as good as its timings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from wherry.api import timestamps
from wherry.api.objects import Obj, condition

#: a container without a history is taken to be up after this; one that is told to end ends after this (most heed SIGTERM)
ASSUMED_START, ASSUMED_END = 5.0, 1.0
#: how far from the middle is still believed: this many times the usual distance, and at least so many seconds
_SPREADS, _LEAST_SPREAD = 6, 30.0
Seconds = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. `ready`: from bound to a node to ready; more than one value are drawn from. `pull` comes on top, once per node and image.

    None: not known; `complete` fills it in. `sources` tells of each where it is from.
    """

    ready: Seconds | None = None
    terminate: float | None = None
    pull: float = 0.0
    sources: tuple[str, ...] = ()

    @property
    def typical(self) -> float:
        return median(self.ready or (0.0,))

    @property
    def longest(self) -> float:
        return max(self.ready or (0.0,))


def observed(pods: Iterable[Obj]) -> Seconds:
    """Time to ready of each pod that became ready once and stayed so: bound to its node until ready, in whole seconds as they are kept."""
    found = sorted(seconds for pod in pods if (seconds := _time_to_ready(pod)) is not None)
    if not found:
        return ()
    # a pod that was unready for a while and came back looks as if it had taken days
    middle = median(found)
    limit = middle + max(_SPREADS * median(abs(s - middle) for s in found), _LEAST_SPREAD)
    return tuple(s for s in found if s <= limit)


def _time_to_ready(pod: Obj) -> float | None:
    ready, bound = condition(pod, "Ready"), condition(pod, "PodScheduled")
    status = pod.get("status") or {}
    if ready is None or ready.get("status") != "True" or any(s.get("restartCount") for s in status.get("containerStatuses") or ()):
        return None
    since = (bound or {}).get("lastTransitionTime") or pod["metadata"].get("creationTimestamp")
    if not since or not ready.get("lastTransitionTime"):
        return None
    return max(timestamps.parse(ready["lastTransitionTime"]) - timestamps.parse(since), 0.0)


def complete(given: Timings, seen: Sequence[float], template: Obj) -> Timings:
    """What was given, else what was seen, else what the template lets expect."""
    sources = list(given.sources)
    if given.ready is None:
        if seen:
            given = replace(given, ready=tuple(seen))
            sources.append(f"time to ready: {_shown(seen)}, observed on {len(seen)} pod{'s' if len(seen) > 1 else ''}")
        else:
            given = replace(given, ready=(_assumed_ready(template["spec"]),))
            sources.append(f"time to ready: {given.typical:g} s, assumed (no pod to learn from; give it with --time-to-ready)")
    else:
        sources.append(f"time to ready: {_shown(given.ready)}, given")
    if given.terminate is None:
        given = replace(given, terminate=_assumed_end(template["spec"]))
        sources.append(f"time to end: {given.terminate:g} s, assumed (give it with --time-to-end)")
    else:
        sources.append(f"time to end: {given.terminate:g} s, given")
    if given.pull:
        sources.append(f"image pull: {given.pull:g} s once per node, given")
    return replace(given, sources=tuple(sources))


def _shown(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g} s" if low == high else f"{median(values):g} s ({low:g} to {high:g} s)"


def _assumed_ready(spec: Obj) -> float:
    """The slowest container's: time to start, and the delay its probes ask for."""
    delays = []
    for container in spec.get("containers") or ():
        readiness, startup = container.get("readinessProbe") or {}, container.get("startupProbe") or {}
        delays.append(float(max(readiness.get("initialDelaySeconds", 0), startup.get("initialDelaySeconds", 0))))
    return ASSUMED_START + max(delays, default=0.0)


def _assumed_end(spec: Obj) -> float:
    hooks = [((c.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {} for c in spec.get("containers") or ()]
    grace = float(spec.get("terminationGracePeriodSeconds", 30))
    return min(ASSUMED_END + max((float(h.get("seconds", 0)) for h in hooks), default=0.0), grace)
