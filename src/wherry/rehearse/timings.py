"""How long pods take: given, observed on the pods that are there, or assumed. Pure.

`live` observes, the command line gives, `assumed` fills in the rest from what the template says. Each value keeps where it is from, and
the report says it: a prediction is as good as its timings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from wherry.api import timestamps
from wherry.api.objects import Obj, condition
from wherry.rules.pods.kubelet.simulation import PREFIX

#: a container without a history is taken to be up after this; one that is told to end ends after this (most heed SIGTERM)
ASSUMED_START, ASSUMED_END = 5.0, 1.0
#: how far from the middle is still believed: this many times the usual distance, and at least so many seconds
_SPREADS, _LEAST_SPREAD = 6, 30.0
Seconds = tuple[float, ...]
#: which annotation of a pod asks for which of the times
ANNOTATIONS = {"ready": "ready-seconds", "terminate": "termination-seconds", "pull": "pull-seconds"}


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. `ready`: from bound to a node to ready; more than one value are drawn from. `pull` comes on top, once per node and image.

    None: not known; `complete` fills it in. `sources` tells of each where it is from, `given` which of them somebody gave ("ready",
    "terminate", "pull"): those are played even where the template's own annotations say otherwise.
    """

    ready: Seconds | None = None
    terminate: float | None = None
    pull: float = 0.0
    sources: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()

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
    """What was given, else what the template's annotations ask for, else what was seen, else what the template lets expect."""
    asked = _annotated(template)
    sources = [*given.sources]
    known = frozenset(n for n, value in (("ready", given.ready), ("terminate", given.terminate), ("pull", given.pull)) if value)
    if given.terminate is not None:
        known |= {"terminate"}
    ready, said = _ready(given.ready, asked, seen, template["spec"])
    sources.append(f"time to ready: {said}")
    end, said = _end(given.terminate, asked, template["spec"])
    sources.append(f"time to end: {said}")
    if given.pull or "pull" in asked:
        pull = f"{given.pull:g} s once per node, given" if given.pull else f"{asked['pull']:g} s once per node, by {_names('pull')}"
        sources.append(f"image pull: {pull}")
    sources += [f"{name}: {text}, by the template's annotation" for name, text in _misbehaviour(template)]
    return replace(given, ready=ready, terminate=end, sources=tuple(sources), given=known)


def _ready(given: Seconds | None, asked: Mapping[str, float], seen: Sequence[float], spec: Obj) -> tuple[Seconds, str]:
    if given is not None:
        return given, f"{_shown(given)}, given" + _overruled("ready", asked, given)
    if "ready" in asked:
        return (asked["ready"],), f"{asked['ready']:g} s, by {_names('ready')}"
    if seen:
        return tuple(seen), f"{_shown(seen)}, observed on {len(seen)} pod{'s' if len(seen) > 1 else ''}"
    assumed = _assumed_ready(spec)
    return (assumed,), f"{assumed:g} s, assumed (no pod to learn from; give it with --time-to-ready)"


def _end(given: float | None, asked: Mapping[str, float], spec: Obj) -> tuple[float, str]:
    if given is not None:
        return given, f"{given:g} s, given" + _overruled("terminate", asked, (given,))
    if "terminate" in asked:
        return asked["terminate"], f"{asked['terminate']:g} s, by {_names('terminate')}"
    assumed = _assumed_end(spec)
    return assumed, f"{assumed:g} s, assumed (give it with --time-to-end)"


def _overruled(name: str, asked: Mapping[str, float], given: Seconds) -> str:
    return f" (instead of {asked[name]:g} s by {_names(name)})" if name in asked and given != (asked[name],) else ""


def _names(what: str) -> str:
    return f"the annotation {PREFIX}{ANNOTATIONS[what]}"


def _annotated(template: Obj) -> dict[str, float]:
    """Seconds that the template's annotations ask for; values that cannot be read count as not there, as in the runtime."""
    said = (template.get("metadata") or {}).get("annotations") or {}
    found: dict[str, float] = {}
    for what, name in ANNOTATIONS.items():
        try:
            value = float(said[PREFIX + name])
        except (KeyError, TypeError, ValueError):
            continue
        if math.isfinite(value) and value >= 0:
            found[what] = value
    return found


def _misbehaviour(template: Obj) -> list[tuple[str, str]]:
    """What else the annotations make of the pods, as (annotation, value): the report says all that was played."""
    said = (template.get("metadata") or {}).get("annotations") or {}
    known = {PREFIX + name for name in ANNOTATIONS.values()}
    return [(name, str(text)) for name, text in sorted(said.items()) if name.startswith(PREFIX) and name not in known]


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
