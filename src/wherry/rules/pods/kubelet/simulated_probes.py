"""What a probe of a simulated container finds, and how its hooks end.

Called by the simulated runtime. `exec` of a command whose end is plain to see does what it does; everything else succeeds once the
container is ready (readiness), has begun (startup), or until it is told to be unhealthy (liveness).
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.plain_commands import outcome as outcome_of
from wherry.rules.pods.kubelet.probes import Kind
from wherry.rules.pods.kubelet.simulation import Behaviour


class Seen(NamedTuple):
    """`steady`: until the runtime looks again."""

    success: bool
    output: str = ""
    steady: bool = True


def outcome(how: Behaviour, kind: Kind, spec: Obj, age: float) -> Seen:
    """`age`: seconds since the container's start."""
    command = (spec.get("exec") or {}).get("command") or []
    plain = outcome_of(command) if command else None
    if plain is not None:
        limit = spec.get("timeoutSeconds") or 1
        if plain.seconds > limit:
            return Seen(False, f'command timed out: "{" ".join(command)}" timed out after {limit}s')
        if plain.exit_code:
            return Seen(False)
    if kind == "startup":
        return Seen(age >= how.startup, "" if age >= how.startup else f"simulated: it takes {how.startup:g}s to start", steady=False)
    if kind == "liveness":
        ill = how.unhealthy_after is not None and age >= how.unhealthy_after
        return Seen(not ill, f"simulated: unhealthy since {how.unhealthy_after:g}s after its start" if ill else "")
    return _readiness(how, age)


def _readiness(how: Behaviour, age: float) -> Seen:
    if how.never_ready:
        return Seen(False, "simulated: the pod is told not to become ready")
    if age < how.ready:
        return Seen(False, f"simulated: it takes {how.ready:g}s to become ready")
    if how.flapping and int((age - how.ready) // how.flapping) % 2:
        return Seen(False, "simulated: it fails now and then", steady=False)
    return Seen(True, steady=not how.flapping)


def hook(how: Behaviour, name: str, handler: Obj) -> tuple[float, str]:
    """How many seconds it takes, and why it fails ("": it does not)."""
    if name in how.failing_hooks:
        return 0.0, "simulated: the hook is told to fail"
    command = (handler.get("exec") or {}).get("command") or []
    plain = outcome_of(command) if command else None
    if plain is None:
        return 0.0, ""
    return plain.seconds, f"exit code {plain.exit_code}" if plain.exit_code else ""
