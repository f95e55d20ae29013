"""What a delete does to an object: remove it now, mark it as going, or nothing because it is going already.

Called by the registry's deletes and updates. Pure: `now` is an argument. Source: k8s.io/apiserver/pkg/registry/rest/delete.go,
generic/registry/store.go; https://kubernetes.io/docs/concepts/architecture/garbage-collection/.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from wherry.api import errors, field, timestamps
from wherry.api.objects import Obj, with_metadata
from wherry.api.options import DeleteOptions
from wherry.api.resources import Resource
from wherry.rules.objects.strategy import Strategy

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
_POLICIES = ("Foreground", "Background", "Orphan")


class Verdict(NamedTuple):
    """`obj` is the object as it is to be stored ("mark"), or its last state ("remove"), or unchanged ("pending")."""

    step: Literal["remove", "mark", "pending"]
    obj: Obj


def check_options(options: DeleteOptions) -> None:
    """Raises Invalid for a propagation policy that does not exist."""
    if options.propagation_policy and options.propagation_policy not in _POLICIES:
        cause = field.not_supported("propagationPolicy", options.propagation_policy, (*_POLICIES, "nil"))
        raise errors.invalid("DeleteOptions.meta.k8s.io", "", [cause])


def check_preconditions(obj: Obj, resource: Resource, options: DeleteOptions) -> None:
    """Raises Conflict when uid or resourceVersion are not those asked for."""
    meta = obj["metadata"]
    why = ""
    if options.uid and options.uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta['uid']}). "
            "The object might have been deleted and then recreated"
        )
    elif options.resource_version and options.resource_version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion in record "
            f"({meta['resourceVersion']}). The object might have been modified"
        )
    if why:
        group = f".{resource.group}" if resource.group else ""
        raise errors.conflict(resource.kind + group, meta["name"], why)


def judge(obj: Obj, resource: Resource, strategy: Strategy, options: DeleteOptions, now: float) -> Verdict:
    """What a delete with these options does to `obj` now. Raises Conflict when a precondition does not hold."""
    check_preconditions(obj, resource, options)
    meta = obj["metadata"]
    wanted = None if options.grace_period_seconds is None else (1 if options.grace_period_seconds < 0 else options.grace_period_seconds)
    grace: int | None = None  # None: not graceful
    if strategy.grace is not None:
        if meta.get("deletionTimestamp"):
            pending = meta.get("deletionGracePeriodSeconds") or 0
            if pending:
                if wanted is None or wanted >= pending:
                    return Verdict("pending", obj)
                obj, grace = _shorten(obj, pending, wanted, now)
        else:
            grace = strategy.grace(obj, wanted)
            obj = with_metadata(
                obj,
                deletionTimestamp=timestamps.time(now + grace),
                deletionGracePeriodSeconds=grace,
                generation=meta["generation"] + 1 if meta.get("generation") else None,
            )
    finalizers = _finalizers(obj, strategy, options)
    if finalizers != meta.get("finalizers", []):
        obj = with_metadata(obj, finalizers=finalizers or None)
    if grace is not None:
        return Verdict("mark" if finalizers or grace else "remove", obj)
    if finalizers or strategy.holds(obj):
        return Verdict("mark", strategy.marked(_mark(obj, now)))
    return Verdict("remove", obj)


def _shorten(obj: Obj, pending: int, wanted: int, now: float) -> tuple[Obj, int]:
    """A second delete may only shorten the grace period; the end is never moved into the past."""
    end = timestamps.parse(obj["metadata"]["deletionTimestamp"]) - pending + wanted
    if end < now:
        end = now
        wanted = 1 if wanted else 0
    return with_metadata(obj, deletionTimestamp=timestamps.time(end), deletionGracePeriodSeconds=wanted), wanted


def _mark(obj: Obj, now: float) -> Obj:
    meta = obj["metadata"]
    generation = meta.get("generation")
    at = meta.get("deletionTimestamp")
    if at is None and generation:
        generation += 1
    if at is None or timestamps.parse(at) > now:
        at = timestamps.time(now)
    return with_metadata(obj, deletionTimestamp=at, deletionGracePeriodSeconds=0, generation=generation)


def _finalizers(obj: Obj, strategy: Strategy, options: DeleteOptions) -> list[str]:
    present = obj["metadata"].get("finalizers") or []
    policy = options.propagation_policy or _policy_of(present) or strategy.default_propagation
    others = [f for f in present if f not in (ORPHAN, FOREGROUND)]
    wanted = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])
    result = others + wanted
    return present if set(result) == set(present) else result


def _policy_of(finalizers: list[str]) -> str:
    for finalizer in finalizers:
        if finalizer in (ORPHAN, FOREGROUND):
            return "Orphan" if finalizer == ORPHAN else "Foreground"
    return ""


def ends_with_update(new: Obj, old: Obj, strategy: Strategy) -> bool:
    """An update that takes the last finalizer of an object that is going removes the object."""
    meta = old["metadata"]
    return (
        bool(meta.get("deletionTimestamp"))
        and not meta.get("deletionGracePeriodSeconds")
        and not new["metadata"].get("finalizers")
        and not strategy.holds(new)
    )


def pod_grace(pod: Obj, wanted: int | None) -> int:
    """Seconds a pod is given to end: 0 when it is on no node or has ended (pkg/registry/core/pod/strategy.go)."""
    spec = pod["spec"]
    if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    period = spec.get("terminationGracePeriodSeconds", 0) if wanted is None else wanted
    return 1 if period < 0 else int(period)
