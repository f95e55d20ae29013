"""Who of several equal processes works: the one whose name stands in a Lease and is renewed there.

Called by `reconcile.leader` at every try. A holder is believed for `duration` seconds after its record was last seen to change here, so the
processes' clocks may differ. Invariant: a Lease is never taken from a holder that renews it.
Source of the rule: client-go tools/leaderelection; https://kubernetes.io/docs/concepts/architecture/leases/#leader-election.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.api import objects, timestamps
from wherry.api.objects import Obj


class Timings(NamedTuple):
    """Seconds: how long a silent leader is believed, how long a leader tries to renew before it gives up, and between two tries."""

    duration: float = 15.0
    renew: float = 10.0
    retry: float = 2.0


def refusal(timings: Timings) -> str:
    """Why these timings cannot work; "" when they can."""
    if timings.duration <= timings.renew:
        return "the lease duration must be greater than the renew deadline"
    if timings.renew <= timings.retry * 1.2:
        return "the renew deadline must be greater than 1.2 times the retry period"
    return "" if timings.retry > 0 else "the retry period must be greater than zero"


class Seen(NamedTuple):
    """A record of the Lease, and when it was first seen, in seconds of the steady clock."""

    spec: dict[str, Any]
    at: float


def observe(before: Seen | None, lease: Obj, steady: float) -> Seen:
    spec = lease.get("spec") or {}
    return before if before is not None and before.spec == spec else Seen(spec, steady)


def holder(lease: Obj | None) -> str:
    return ((lease or {}).get("spec") or {}).get("holderIdentity") or ""


def is_free(seen: Seen, identity: str, timings: Timings, steady: float) -> bool:
    """Nobody else holds the Lease, or who does has been silent for too long."""
    other = seen.spec.get("holderIdentity") or ""
    return other in ("", identity) or seen.at + float(seen.spec.get("leaseDurationSeconds") or timings.duration) < steady


def first(name: str, namespace: str, identity: str, timings: Timings, now: float) -> Obj:
    """The Lease when there is none yet. `now`: wall time in seconds."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": _spec(identity, timings, now, now_acquired=timestamps.micro_time(now), transitions=0),
    }


def claimed(lease: Obj, identity: str, timings: Timings, now: float) -> Obj:
    """The Lease with `identity` as its holder, renewed at `now`."""
    old = lease.get("spec") or {}
    mine = old.get("holderIdentity") == identity
    acquired = old.get("acquireTime") if mine else None
    transitions = int(old.get("leaseTransitions") or 0) + (0 if mine else 1)
    spec = _spec(identity, timings, now, now_acquired=acquired or timestamps.micro_time(now), transitions=transitions)
    return {**lease, "spec": {**old, **spec}}


def released(lease: Obj, now: float) -> Obj:
    """The Lease given back, so that the next one need not wait."""
    old = lease.get("spec") or {}
    at = timestamps.micro_time(now)
    return {**lease, "spec": {**old, "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": at, "acquireTime": at}}


def is_own(lease: Obj, identity: str) -> bool:
    return holder(lease) == identity and not objects.is_deleting(lease)


def _spec(identity: str, timings: Timings, now: float, *, now_acquired: str, transitions: int) -> dict[str, Any]:
    return {
        "holderIdentity": identity,
        "leaseDurationSeconds": int(timings.duration),
        "acquireTime": now_acquired,
        "renewTime": timestamps.micro_time(now),
        "leaseTransitions": transitions,
    }
