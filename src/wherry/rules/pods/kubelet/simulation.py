"""How a simulated container behaves: the default timings of its node, what its command plainly does, and the annotations of its pod.

Called by the simulated runtime when it first sees a pod. A wrong value changes nothing and is reported. The annotations are wherry's own
(`wherry.dev/simulated-...`, the table in docs/simulated-nodes.md) and speak of the pod's main containers, except those on init containers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from wherry.api.objects import Obj, annotations_of
from wherry.rules.pods.kubelet.container import Role
from wherry.rules.pods.kubelet.plain_commands import outcome
from wherry.rules.pods.kubelet.simulated_images import starts_nothing

PREFIX = "wherry.dev/simulated-"


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. `job`: how long containers run before they succeed, of pods that are meant to end (restartPolicy Never or OnFailure)."""

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
    #: seconds after which its liveness probe fails, its startup probe succeeds
    unhealthy_after: float | None = None
    startup: float = 0.0
    #: which hooks fail: postStart, preStop
    failing_hooks: frozenset[str] = frozenset()
    #: of init containers: how long they take, and how they end
    init: float = 0.0
    init_exit_code: int = 0
    #: probes that the pod declares are played; False: readiness comes after `ready`, whatever they say
    probed: bool = True
    #: somebody said how it ends, so its command is not looked at
    told: bool = False


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


def _hooks(text: str) -> frozenset[str]:
    named = frozenset(part.strip() for part in text.split(","))
    if not named <= {"postStart", "preStop"}:
        raise ValueError('must be "postStart", "preStop", or both with a comma')
    return named


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
    "unhealthy-seconds": ("unhealthy_after", _seconds),
    "startup-seconds": ("startup", _seconds),
    "failing-hooks": ("failing_hooks", _hooks),
    "init-seconds": ("init", _seconds),
    "init-exit-code": ("init_exit_code", _exit_code),
}


@lru_cache(maxsize=64)
def _usual(timings: Timings, ends: bool) -> Behaviour:
    """Without annotations; shared."""
    return Behaviour(timings.pull, timings.start, timings.ready, timings.terminate, timings.job if ends else None)


def behaviour(pod: Obj, timings: Timings) -> tuple[Behaviour, list[str]]:
    """How the pod's containers behave, and what is wrong with its annotations. An exit code alone means: exit at once."""
    base = _usual(timings, pod["spec"].get("restartPolicy") in ("Never", "OnFailure"))
    given = annotations_of(pod)
    return _annotated(base, given) if given else (base, [])


def _annotated(base: Behaviour, given: Mapping[str, str]) -> tuple[Behaviour, list[str]]:
    changes: dict[str, Any] = {}
    errors: list[str] = []
    for full_name, text in given.items():
        if not full_name.startswith(PREFIX):
            continue
        known = _KNOWN.get(full_name[len(PREFIX):])
        if known is None:
            errors.append(f"unknown annotation {full_name}: there are {', '.join(PREFIX + key for key in sorted(_KNOWN))}")
            continue
        try:
            changes[known[0]] = known[1](text)
        except ValueError as error:
            errors.append(f'annotation {full_name}: invalid value "{text}": {error}')
    if "oom" in changes:
        changes.update(run=changes["oom"], oom=True)
    if "exit_code" in changes:
        changes.setdefault("run", base.run or 0.0)
    if "run" in changes:
        changes["told"] = True
    return (replace(base, **changes) if changes else base), errors


def end_of(how: Behaviour, container: Obj, role: Role) -> tuple[float, int] | None:
    """After how many seconds the container ends by itself, and with what exit code; None: it runs until it is stopped."""
    plain = None if role == "app" and how.told else outcome(arguments(container))
    if plain is not None:
        return None if math.isinf(plain.seconds) else plain
    if role == "init":
        return how.init, how.init_exit_code
    return (how.run, how.exit_code) if role == "app" and how.run is not None else None


def arguments(container: Obj) -> list[str]:
    """The command line, as far as it is known; images of bare systems have no entrypoint before the arguments."""
    command: list[str] = container.get("command") or []
    if command or starts_nothing(container.get("image", "")):
        return [*command, *(container.get("args") or ())]
    return []
