"""What the volume plug-ins may look up, and which claims a pod has in which state. The snapshot carries it; the scheduler's shell fills it.

Invariant: `assumed` names every volume that was given to a claim by a decision whose write is not seen yet.
Source of the shape: pkg/scheduler/framework/plugins/volumebinding/binder.go (GetPodVolumeClaims), assume_cache.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from wherry.api.objects import Obj, annotations_of, namespace
from wherry.rules.storage.binding import names
from wherry.rules.storage.binding.names import claims_of_pod, class_of

Find = Callable[[str], Obj | None]


@dataclass(frozen=True, slots=True)
class VolumeWorld:
    """`claim` by `namespace/name`, all else by name; `volumes_of` lists the volumes of a class, `users` the pods of a claim."""

    claim: Find
    volume: Find
    storage_class: Find
    csi_node: Find
    volumes_of: Callable[[str], Iterable[Obj]]
    users: Callable[[str], Iterable[Obj]]
    csi_driver: Find = lambda _: None
    capacities: Callable[[], Iterable[Obj]] = tuple
    #: volume -> key of the claim it was given to
    assumed: dict[str, str] = field(default_factory=dict)


class PodClaims(NamedTuple):
    """The claims of a pod: bound ones, those that wait for this decision, and those that should have been bound before."""

    bound: list[Obj]
    delayed: list[Obj]
    immediate: list[Obj]


def is_bound(claim: Obj) -> bool:
    return bool(claim["spec"].get("volumeName")) and names.BIND_COMPLETED in annotations_of(claim)


def pod_claims(pod: Obj, world: VolumeWorld) -> PodClaims:
    """Claims that are not there are left out: the filter before has refused such a pod."""
    found = PodClaims([], [], [])
    for each in claims_of_pod(pod):
        claim = world.claim(f"{namespace(pod)}/{each}")
        if claim is None:
            continue
        if is_bound(claim):
            found.bound.append(claim)
        elif not claim["spec"].get("volumeName") and _is_delayed(claim, world):
            found.delayed.append(claim)
        else:
            found.immediate.append(claim)
    return found


def _is_delayed(claim: Obj, world: VolumeWorld) -> bool:
    wanted = class_of(claim)
    found = world.storage_class(wanted) if wanted else None
    return found is not None and found.get("volumeBindingMode") == names.WAIT_FOR_FIRST_CONSUMER
