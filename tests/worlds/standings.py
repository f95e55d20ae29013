"""What a ReplicaSet's controller knows of its pods when it sees all of them for the first time."""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj
from wherry.rules.workloads.replicaset.known_pods import Standing


def standing(replica_set: Obj, active: Iterable[Obj], terminating: Iterable[Obj], now: float) -> Standing:
    made = Standing(replica_set)
    made.take(active, terminating, (), now)
    return made
