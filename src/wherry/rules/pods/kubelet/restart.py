"""Whether and when a container that ended is started again.

The first restart is immediate; then the wait doubles from 10 seconds to 5 minutes, and starts anew after 10 quiet minutes.
Source of the rule: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy (podutil.ContainerShouldRestart,
kuberuntime doBackOff); KEP-5307 (container restart rules).
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.objects import Obj

FIRST = 10.0
LONGEST = 300.0


def _rule_says(container: Obj, exit_code: int) -> bool:
    for rule in container.get("restartPolicyRules") or ():
        on = rule.get("exitCodes") or {}
        listed = exit_code in (on.get("values") or ())
        if (on.get("operator") == "In" and listed) or (on.get("operator") == "NotIn" and not listed):
            return bool(rule.get("action") == "Restart")
    return False


def should_restart(container: Obj, pod_spec: Obj, exit_code: int) -> bool:
    """The container's own rules and policy come before the pod's policy."""
    own = container.get("restartPolicy")
    if own and _rule_says(container, exit_code):
        return True
    policy = own or pod_spec.get("restartPolicy") or "Always"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


class Wait(NamedTuple):
    """Start again `seconds` after the end; `shown` is the back-off to speak of (0: at once, nothing to say)."""

    seconds: float
    back_off: float
    noted_at: float


def after_exit(back_off: float, noted_at: float, finished_at: float) -> Wait:
    """`back_off`, `noted_at`: what the last call gave (0, 0 at first). The new values hold once the container is started again."""
    if back_off == 0.0 or finished_at - noted_at > 2 * LONGEST:
        return Wait(0.0, FIRST, finished_at)
    return Wait(back_off, min(back_off * 2, LONGEST), finished_at + back_off)


def next_pull_wait(back_off: float) -> float:
    """Seconds until the next try to pull an image, given the last wait (0: this was the first failure)."""
    return min(back_off * 2, LONGEST) if back_off else FIRST


def go_duration(seconds: float) -> str:
    """Whole seconds as Go prints a duration: `10s`, `2m40s`, `5m0s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
