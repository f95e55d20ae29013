"""maxSurge and maxUnavailable in pods, and the size that a new ReplicaSet may have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.workloads.deployment.workload_world import deployment
from wherry.rules.workloads.deployment import strategy


def rolling(replicas: int, surge: Any, unavailable: Any) -> Any:
    limits = {"maxSurge": surge, "maxUnavailable": unavailable}
    return deployment(replicas=replicas, strategy={"type": "RollingUpdate", "rollingUpdate": limits})


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (7, "25%", "25%", (2, 1)),  # surge rounds up, unavailable down
        (8, "25%", "25%", (2, 2)),
        (1, "25%", "25%", (1, 0)),
        (1, 0, "25%", (0, 1)),  # both would be zero: one may be unavailable
        (3, "0%", "33%", (0, 1)),
        (3, "0%", "34%", (0, 1)),
        (10, 3, 4, (3, 4)),
        (2, 5, 9, (5, 2)),  # never more unavailable than there are
        (5, "110%", "0%", (6, 0)),
        (0, "25%", "25%", (0, 0)),  # nothing to be unavailable
        (0, 2, 2, (2, 0)),
    ],
)
def test_percentages_are_rounded_in_favour_of_availability(replicas: int, surge: Any, unavailable: Any, expected: tuple[int, int]) -> None:
    given = rolling(replicas, surge, unavailable)
    assert (strategy.max_surge(given), strategy.max_unavailable(given)) == expected


def test_recreate_has_neither_surge_nor_unavailable_pods() -> None:
    given = deployment(replicas=9, strategy={"type": "Recreate"})
    assert (strategy.max_surge(given), strategy.max_unavailable(given)) == (0, 0)
    assert strategy.new_size(given, 4, 0) == 9


@pytest.mark.parametrize(
    ("surge", "total", "new", "expected"),
    [
        (0, 6, 0, 0),  # no room
        (2, 6, 0, 2),
        (2, 8, 2, 2),  # the surge is used up
        (2, 9, 2, 2),  # and more than used up
        (2, 5, 3, 6),  # never more than the replicas
        ("50%", 6, 1, 4),
        (20, 6, 0, 6),
    ],
)
def test_the_new_replica_set_grows_into_the_room_that_the_surge_leaves(surge: Any, total: int, new: int, expected: int) -> None:
    assert strategy.new_size(rolling(6, surge, 1), total, new) == expected
