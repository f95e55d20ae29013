"""Which ended containers of a pod may run again: what a status may say after it said terminated.

Called by the status rule of pods. Pure. Source: pkg/apis/core/validation ValidateContainerStateTransition and its likes,
pkg/api/v1/pod ContainerShouldRestart; KEP-5307 (restart rules of containers), KEP-5532 (restart of all containers).
"""

from __future__ import annotations

from collections.abc import Iterator

from wherry.api.field import Errors, forbidden
from wherry.api.objects import Obj

_ALL = "RestartAllContainers"
_LISTS = (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers"))
_EPHEMERAL = "ephemeralContainerStatuses"


def restart_errors(new: Obj, old: Obj, spec: Obj) -> Errors:
    """`new` and `old` are statuses."""
    places: list[tuple[str, int]] = []
    if not _all_could_restart(spec):
        for statuses, containers in _LISTS:
            for i, was in _revived(new, old, statuses):
                container = next((c for c in spec.get(containers) or () if c.get("name") == was.get("name")), None)
                if container is None or not may_restart(container, spec, was["state"]["terminated"].get("exitCode", 0)):
                    places.append((statuses, i))
    places += [(_EPHEMERAL, i) for i, _ in _revived(new, old, _EPHEMERAL)]
    return [forbidden(f"status.{name}[{i}].state", "may not be transitioned to non-terminated state") for name, i in places]


def may_restart(container: Obj, spec: Obj, exit_code: int) -> bool:
    """By its first rule for the exit code, else by its own policy, else by the pod's."""
    own = container.get("restartPolicy")
    if own is not None:
        rule = next((r for r in container.get("restartPolicyRules") or () if _matches(r, exit_code)), None)
        if rule is not None and rule.get("action") in ("Restart", _ALL):
            return True
    policy = own if own in ("Always", "OnFailure", "Never") else spec.get("restartPolicy")
    if policy == "OnFailure":
        return exit_code != 0
    return policy != "Never"


def _matches(rule: Obj, exit_code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    listed = exit_code in (codes.get("values") or ())
    return listed if codes.get("operator") == "In" else codes.get("operator") == "NotIn" and not listed


def _all_could_restart(spec: Obj) -> bool:
    containers = (c for kind in ("initContainers", "containers") for c in spec.get(kind) or ())
    return any(rule.get("action") == _ALL for c in containers for rule in c.get("restartPolicyRules") or ())


def _revived(new: Obj, old: Obj, statuses: str) -> Iterator[tuple[int, Obj]]:
    """Old entries, with their places, that were terminated and are not any more."""
    before = old.get(statuses)
    if not before:
        return
    running = {s.get("name") for s in new.get(statuses) or () if not (s.get("state") or {}).get("terminated")}
    for i, was in enumerate(before):
        if (was.get("state") or {}).get("terminated") and was.get("name") in running:
            yield i, was
