"""Scaling in the middle of an update: every ReplicaSet gets its share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.workloads.deployment.workload_world import deployment, template
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Emit, Update
from wherry.rules.workloads.deployment import annotations as notes
from wherry.rules.workloads.deployment.rollout import Rollout
from wherry.rules.workloads.deployment.scale import is_scaling_event, proportional_sizes, scale

NOW = 1_750_000_000.0


def replica_set(age: int, size: int, most: int | None = None, *, desired: int = 10, available: int | None = None) -> Obj:
    """The `age`-th ReplicaSet by creation: its image is v<age>."""
    noted = {notes.REVISION: str(age), notes.DESIRED_REPLICAS: str(desired)} | ({notes.MAX_REPLICAS: str(most)} if most is not None else {})
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": f"web-{age}", "uid": f"u{age}", "creationTimestamp": f"2026-01-01T00:00:{age:02d}Z", "annotations": noted},
        "spec": {"replicas": size, "template": template(f"v{age}")},
        "status": {"replicas": size, "availableReplicas": size if available is None else available},
    }


def rollout(desired: int, new: int, *sets: Obj, surge: Any = 0, unavailable: Any = 1, **status: int) -> Rollout:
    """A Deployment whose template is that of the `new`-th ReplicaSet."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    top = {**deployment(replicas=desired, image=f"v{new}", strategy=strategy), "status": status}
    return Rollout.of(top, sets, {}, NOW)


def sizes(given: Rollout) -> dict[str, int]:
    return {objects.name(rs): size for rs, size in proportional_sizes(given)}


@pytest.mark.parametrize(
    ("replicas", "before", "expected"),
    [
        (12, (5, 5), (6, 6)),
        (8, (5, 5), (4, 4)),
        (20, (7, 3), (14, 6)),
        (5, (7, 3), (3, 2)),  # 3.5 and 1.5 round up, what is too much comes from the largest
        (11, (5, 5), (5, 6)),  # up: among equals the newer one gets the odd replica
        (9, (5, 5), (4, 5)),  # down: among equals the older one loses it
        (0, (7, 3), (0, 0)),
        (100, (1, 9), (10, 90)),
        (16, (7, 3), (11, 5)),  # 11.2 and 4.8: a share is rounded, not cut off
        (6, (6, 4), (4, 2)),  # 3.6 and 2.4
    ],
)
def test_two_replica_sets_share_a_change_by_their_sizes(replicas: int, before: tuple[int, int], expected: tuple[int, int]) -> None:
    given = rollout(replicas, 2, replica_set(1, before[0], 10), replica_set(2, before[1], 10))
    assert sizes(given) == {"web-1": expected[0], "web-2": expected[1]}


def test_the_surge_is_part_of_what_is_shared() -> None:
    given = rollout(20, 2, replica_set(1, 8, 13), replica_set(2, 5, 13), surge=6)
    assert sizes(given) == {"web-1": 16, "web-2": 10}
    assert sum(sizes(given).values()) == 26


def test_empty_replica_sets_get_nothing() -> None:
    given = rollout(20, 3, replica_set(1, 0, 10), replica_set(2, 6, 10), replica_set(3, 4, 10))
    assert sizes(given) == {"web-2": 12, "web-3": 8}


def test_without_the_note_of_the_former_size_the_status_tells_it() -> None:
    given = rollout(20, 2, replica_set(1, 6, None), replica_set(2, 4, None), replicas=10)
    assert sizes(given) == {"web-1": 12, "web-2": 8}


def test_when_nothing_tells_the_former_size_the_largest_takes_all() -> None:
    given = rollout(20, 2, replica_set(1, 6, 0), replica_set(2, 4, 0))
    assert sizes(given) == {"web-1": 16, "web-2": 4}


def test_a_single_active_replica_set_gets_the_whole_size() -> None:
    given = rollout(4, 2, replica_set(1, 10, 10), replica_set(2, 0, 10))
    update, event = scale(given)
    assert isinstance(update, Update)
    assert (objects.name(update.obj), update.obj["spec"]["replicas"]) == ("web-1", 4)
    assert objects.annotations_of(update.obj)[notes.DESIRED_REPLICAS] == "4"
    assert isinstance(event, Emit)
    assert (event.reason, event.message) == ("ScalingReplicaSet", "Scaled down replica set web-1 from 10 to 4")


def test_the_newest_grows_when_none_is_active() -> None:
    given = rollout(4, 9, replica_set(1, 0, 10), replica_set(2, 0, 10))
    assert [objects.name(a.obj) for a in scale(given) if isinstance(a, Update)] == ["web-2"]


def test_old_pods_beside_a_saturated_new_replica_set_go() -> None:
    given = rollout(10, 3, replica_set(1, 2, 10), replica_set(2, 3, 10), replica_set(3, 10, 10))
    scaled = [(objects.name(a.obj), a.obj["spec"]["replicas"]) for a in scale(given) if isinstance(a, Update)]
    assert scaled == [("web-2", 0), ("web-1", 0)]


def test_the_note_of_the_size_is_corrected_even_where_no_pod_moves() -> None:
    given = rollout(10, 2, replica_set(1, 6, 99), replica_set(2, 4, 10))
    (update,) = scale(given)
    assert isinstance(update, Update)
    assert (update.obj["spec"]["replicas"], objects.annotations_of(update.obj)[notes.MAX_REPLICAS]) == (6, "10")


def test_a_scaling_event_is_told_by_the_noted_size_of_an_active_replica_set() -> None:
    assert is_scaling_event(rollout(4, 2, replica_set(1, 3, 10), replica_set(2, 1, 10)))
    assert not is_scaling_event(rollout(10, 2, replica_set(1, 9, 10), replica_set(2, 1, 10)))
    assert not is_scaling_event(rollout(4, 2, replica_set(1, 0, 10), replica_set(2, 4, 10, desired=4)))
