"""What a Job's pod failure policy says about a failed pod.

Called for every pod that failed and is not counted yet. Policy and pod in; out come whether it counts towards the back-off limit, the
action of the rule that matched, and the message with which the whole Job fails, when it does. The first rule that matches decides.
Source: pkg/controller/job/pod_failure_policy.go; KEP-3329.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj


class Judgement(NamedTuple):
    counts: bool = True
    action: str = ""
    #: not empty: the Job fails, with this message
    message: str = ""


_COUNTS = Judgement()


def judge(policy: Obj | None, pod: Obj) -> Judgement:
    for index, rule in enumerate((policy or {}).get("rules") or ()):
        reason = _match(rule, pod)
        if not reason:
            continue
        action = rule.get("action", "")
        if action == "FailJob":
            return Judgement(True, action, f"{reason} matching FailJob rule at index {index}")
        if action in ("Ignore", "FailIndex", "Count"):
            return Judgement(action != "Ignore", action)
    return _COUNTS


def _match(rule: Obj, pod: Obj) -> str:
    """Why the rule is for this pod, or an empty text."""
    where = f"{objects.namespace(pod)}/{objects.name(pod)}"
    if rule.get("onExitCodes") is not None:
        status = _exited(rule["onExitCodes"], pod.get("status") or {})
        return "" if status is None else f"Container {status['name']} for pod {where} failed with exit code {_exit_code(status)}"
    if rule.get("onPodConditions") is not None:
        condition = _condition(rule["onPodConditions"], pod)
        return "" if condition is None else f"Pod {where} has condition {condition['type']}"
    return ""


def _exit_code(status: Obj) -> int:
    terminated = (status.get("state") or {}).get("terminated")
    return int(terminated.get("exitCode") or 0) if terminated else 0


def _exited(requirement: Obj, pod_status: Obj) -> Obj | None:
    """The first container, else init container, whose exit code the rule means."""
    statuses: list[Obj] = [*(pod_status.get("containerStatuses") or ()), *(pod_status.get("initContainerStatuses") or ())]
    for status in statuses:
        code, only = _exit_code(status), requirement.get("containerName")
        if code != 0 and only in (None, status["name"]) and _is_meant(code, requirement):
            return status
    return None


def _is_meant(code: int, requirement: Obj) -> bool:
    values, operator = requirement.get("values") or (), requirement.get("operator")
    return (operator == "In" and code in values) or (operator == "NotIn" and code not in values)


def _condition(patterns: Iterable[Obj], pod: Obj) -> Obj | None:
    wanted = {(p.get("type"), p.get("status")) for p in patterns}
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if (condition.get("type"), condition.get("status")) in wanted:
            found: Obj = condition
            return found
    return None
