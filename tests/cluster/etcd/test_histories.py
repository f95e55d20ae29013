"""The check of histories finds what is wrong with them."""

from __future__ import annotations

import pytest

from tests.worlds.histories import Op, wrong

GOOD = [Op(0, 1, "a", 1, "x", True), Op(1.5, 2, "a", 1, "x"), Op(1.5, 3, "a", 2, "y", True), Op(1.6, 2.9, "a", 2, "y"),
        Op(3.5, 4, "a", 2, "y"), Op(0, 9, "b", 7, "z", True)]


def test_a_right_history_passes() -> None:
    assert wrong(GOOD) == ""
    assert wrong(reversed(GOOD)) == ""
    assert wrong([]) == ""


@pytest.mark.parametrize(("op", "why"), [
    (Op(5, 6, "a", 1, "x"), "saw version 1"),  # a read of what had been overwritten
    (Op(1.2, 1.3, "a", 2, "other"), "version 2 was"),  # another value of the same version
    (Op(5, 6, "a", 2, "y", True), "two writes have version 2"),  # a write that is told of twice
    (Op(9.5, 10, "b", 6, "y", True), "saw version 6"),  # a write in the past
])
def test_a_wrong_one_does_not(op: Op, why: str) -> None:
    assert why in wrong([*GOOD, op])


def test_what_overlaps_may_come_in_any_order() -> None:
    assert wrong([Op(0, 5, "a", 2, "y", True), Op(1, 2, "a", 1, "x"), Op(3, 4, "a", 2, "y")]) == ""
    assert "saw version 1" in wrong([Op(0, 5, "a", 2, "y", True), Op(1, 2, "a", 2, "y"), Op(3, 4, "a", 1, "x")])
