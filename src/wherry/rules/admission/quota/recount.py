"""A recount: what the objects of a namespace use of a quota, and its status.

Called by the ResourceQuota controller with the objects of the kinds that `sources` names.
Source: pkg/controller/resourcequota syncResourceQuota; k8s.io/apiserver/pkg/quota/v1 CalculateUsage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wherry.api.objects import Obj
from wherry.rules.admission.quota.amounts import Amounts, equal, only, total
from wherry.rules.admission.quota.evaluator import Evaluator
from wherry.rules.admission.quota.evaluators import ALIASED, SPECIAL, evaluator
from wherry.rules.admission.quota.scopes import requirements


def sources(quota: Obj) -> list[Evaluator]:
    """The evaluators whose kinds the quota is about."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    kinds = [*SPECIAL, *ALIASED, *(name.removeprefix("count/") for name in hard if name.startswith("count/"))]
    return [e for e in map(evaluator, dict.fromkeys(kinds)) if e.matching(hard)]


def counted(quota: Obj, objects: Mapping[str, Iterable[Obj]], now: float) -> Amounts:
    """What is in use. `objects`: by group resource, those of the quota's namespace; a kind that is missing here is not said."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    scope = requirements(quota)
    used: Amounts = {}
    for source in sources(quota):
        if source.group_resource not in objects:
            continue
        sum_: Amounts = dict.fromkeys(source.matching(hard), "0")
        for obj in objects[source.group_resource]:
            if all(source.in_scope(requirement, obj) for requirement in scope):
                sum_ = total(sum_, source.usage(obj, now))
        used = total(used, sum_)
    return only(used, hard)


def recounted(quota: Obj, used: Amounts) -> Obj | None:
    """The status to write; None when it says all that already."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    status = quota.get("status") or {}
    shown = {**only(status.get("used") or {}, hard), **used}
    if equal(status.get("hard") or {}, hard) and equal(status.get("used") or {}, shown):
        return None
    return {name: part for name, part in (("hard", dict(hard)), ("used", shown)) if part}
