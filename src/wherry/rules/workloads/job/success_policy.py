"""Whether an Indexed Job has succeeded by its success policy, before all its indexes have.

Called with the indexes that succeeded so far; gives the message of the rule that is met, or an empty text.
Source: pkg/controller/job/success_policy.go; KEP-3998.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.workloads.job import indexes
from wherry.rules.workloads.job.indexes import Intervals


def met(policy: Obj | None, completions: int, succeeded: Intervals) -> str:
    if not succeeded:
        return ""
    for at, rule in enumerate((policy or {}).get("rules") or ()):
        if _is_met(rule, completions, succeeded):
            return f"Matched rules at index {at}"
    return ""


def _is_met(rule: Obj, completions: int, succeeded: Intervals) -> bool:
    count = rule.get("succeededCount")
    if rule.get("succeededIndexes") is None:
        return count is not None and indexes.total(succeeded) >= count
    wanted = indexes.parse(rule["succeededIndexes"], completions)
    reached = indexes.common(wanted, succeeded)
    return bool(wanted) and (reached == indexes.total(wanted) or (count is not None and reached >= count))
