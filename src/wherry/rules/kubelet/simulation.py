"""How a simulated container behaves: the default timings of its node, changed by the annotations of its pod.

Called by the simulated runtime when it first sees a pod. A wrong value changes nothing and is reported.
The annotations are wherry's own: `wherry.dev/simulated-...`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from wherry.api.objects import Obj, controller_of

PREFIX = "wherry.dev/simulated-"


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. `job`: how long the containers of a Job's pod run before they succeed."""

    pull: float = 0.0
    start: float = 0.0
    ready: float = 0.0
    terminate: float = 0.0
    job: float = 0.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`run` None: it runs until stopped."""

    pull: float
    start: float
    ready: float
    terminate: float
    run: float | None = None
    exit_code: int = 0
    never_ready: bool = False
    #: its image does not exist
    missing: bool = False
    #: it ends because it took too much memory
    oom: bool = False
    #: seconds between two turns of a probe that passes and fails; 0: it stays as it is
    flapping: float = 0.0


def _seconds(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError("must be a number of seconds, not negative")
    return value


def _exit_code(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 255:
        raise ValueError("must be between 0 and 255")
    return value


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError('must be "true" or "false"')
    return text == "true"


_KNOWN: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "exit-code": ("exit_code", _exit_code),
    "run-seconds": ("run", _seconds),
    "ready-seconds": ("ready", _seconds),
    "never-ready": ("never_ready", _truth),
    "pull-seconds": ("pull", _seconds),
    "termination-seconds": ("terminate", _seconds),
    "image-missing": ("missing", _truth),
    "oom-seconds": ("oom", _seconds),
    "flapping-seconds": ("flapping", _seconds),
}


@lru_cache(maxsize=64)
def _usual(timings: Timings, of_job: bool) -> Behaviour:
    """Without annotations; shared."""
    return Behaviour(timings.pull, timings.start, timings.ready, timings.terminate, timings.job if of_job else None)


def behaviour(pod: Obj, timings: Timings) -> tuple[Behaviour, list[str]]:
    """How the pod's containers behave, and what is wrong with its annotations. An exit code alone means: exit at once."""
    owner = controller_of(pod)
    of_job = owner is not None and owner["kind"] == "Job" and pod["spec"].get("restartPolicy") != "Always"
    base = _usual(timings, of_job)
    changes: dict[str, Any] = {}
    errors: list[str] = []
    for full_name, text in (pod["metadata"].get("annotations") or {}).items():
        if not full_name.startswith(PREFIX):
            continue
        known = _KNOWN.get(full_name[len(PREFIX):])
        if known is None:
            errors.append(f"unknown annotation {full_name}")
            continue
        try:
            changes[known[0]] = known[1](text)
        except ValueError as error:
            errors.append(f'annotation {full_name}: invalid value "{text}": {error}')
    if "oom" in changes:
        changes.update(run=changes["oom"], oom=True)
    if "exit_code" in changes:
        changes.setdefault("run", base.run or 0.0)
    return (replace(base, **changes) if changes else base), errors
