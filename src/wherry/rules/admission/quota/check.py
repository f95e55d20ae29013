"""Whether a write fits into the quotas of its namespace, and what they have in use when it does.

Called by the admission plug-in for each write that may use something. On an update only the growth is charged.
Source: k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go CheckRequest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.admission.quota.amounts import Amounts, equal, growth, only, shown, total, without_zeros
from wherry.rules.admission.quota.evaluator import Evaluator
from wherry.rules.admission.quota.scopes import requirements


class Write(NamedTuple):
    """`old` is None on create. `now`: seconds since the epoch."""

    subresource: str
    new: Obj
    old: Obj | None
    now: float


class Charge(NamedTuple):
    """A quota, and what it has in use after the write."""

    quota: Obj
    used: Amounts


class Exceeded(Exception):
    """The write does not fit; the text says why."""


def charges(evaluator: Evaluator, quotas: Sequence[Obj], write: Write) -> list[Charge]:
    """The quotas that change. Raises Exceeded."""
    concerned = [q for q in quotas if _concerns(evaluator, q, write.new)]
    for quota in concerned:
        _must_be_checkable(evaluator, quota, write.new)
    usage = evaluator.usage(write.new, write.now)
    if negative := sorted(name for name, value in usage.items() if quantity.nano(value) < 0):
        raise Exceeded(f"quota usage is negative for resource(s): {','.join(negative)}")
    before = evaluator.usage(write.old, write.now) if write.old is not None and concerned else {}
    made = []
    for quota in concerned:
        counted_before = write.old is not None and _concerns(evaluator, quota, write.old)
        delta = without_zeros(growth(usage, before) if counted_before else usage)
        if delta and (charge := _charged(quota, delta, write.subresource)):
            made.append(charge)
    return made


def _concerns(evaluator: Evaluator, quota: Obj, obj: Obj) -> bool:
    if not evaluator.matching(_hard(quota)):
        return False
    return all(evaluator.in_scope(requirement, obj) for requirement in requirements(quota))


def _hard(quota: Obj) -> Amounts:
    return (quota.get("status") or {}).get("hard") or {}


def _used(quota: Obj) -> Amounts:
    return (quota.get("status") or {}).get("used") or {}


def _must_be_checkable(evaluator: Evaluator, quota: Obj, obj: Obj) -> None:
    name, names = quota["metadata"]["name"], evaluator.matching(_hard(quota))
    if why := evaluator.missing(names, obj):
        raise Exceeded(f"failed quota: {name}: {why}")
    if any(n not in _used(quota) for n in names):
        raise Exceeded(f"status unknown for quota: {name}, resources: {','.join(names)}")


def _charged(quota: Obj, delta: Amounts, subresource: str) -> Charge | None:
    hard, used = _hard(quota), _used(quota)
    requested = only(delta, hard)
    after = total(used, requested)
    exceeded = [name for name in requested if quantity.compare(after[name], hard[name]) > 0]
    if exceeded and subresource != "status":
        raise Exceeded(
            f"exceeded quota: {quota['metadata']['name']}, requested: {shown(only(requested, exceeded))}, "
            f"used: {shown(only(used, exceeded))}, limited: {shown(only(hard, exceeded))}"
        )
    return None if equal(after, used) else Charge(quota, after)
