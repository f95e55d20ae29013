"""What compares recordings lets through what chance may change, and nothing else."""

from __future__ import annotations

import pytest

from tests.replay.comparing import HOW, problem

HEAD = "TYPE   REASON   MESSAGE"


def told(*scaled: str, combined: str = "") -> str:
    lines = [f"Normal   ScalingReplicaSet   Scaled {words}" for words in scaled]
    lines += [f"Normal   ScalingReplicaSet   (combined from similar events): Scaled {combined}"] if combined else []
    return "\n".join([HEAD, *lines])


A, B = "replica set web-<RS1> from", "replica set web-<RS2> from"
BEGIN = (f"up {A} 0 to 4", f"up {B} 0 to 1", f"down {A} 4 to 3", f"up {B} 1 to 2")
RECORDED = told(*BEGIN, f"down {A} 3 to 1", f"up {B} 2 to 4", f"down {A} 1 to 0")


@pytest.mark.parametrize(
    ("got", "same"),
    [
        (RECORDED, True),
        (told(*BEGIN, f"down {A} 3 to 2", f"up {B} 2 to 3", f"down {A} 2 to 0", f"up {B} 3 to 4"), True),
        (told(*BEGIN, f"down {A} 3 to 1", f"up {B} 2 to 4"), False),  # it does not end there
        (told(*BEGIN, f"down {A} 2 to 0", f"up {B} 2 to 4"), False),  # one is missing between
        (told(*BEGIN, f"up {A} 3 to 0", f"up {B} 2 to 4"), False),  # up is down
        (told(BEGIN[0], BEGIN[2], BEGIN[1], BEGIN[3], f"down {A} 3 to 0", f"up {B} 2 to 4"), False),  # another beginning
        (RECORDED.replace("Normal", "Warning"), False),
        ("Traceback (most recent call last):", False),
        ("", False),
    ],
)
def test_scalings(got: str, same: bool) -> None:
    step = {"cmd": "", "stdout": RECORDED, "stderr": "", "rc": 0, "compare": "scalings"}
    assert (problem(step, got, "", 0) == "") is same
    assert problem(step, got, "", 1) != ""
    assert problem(step, got, "error: x", 0) != ""


def test_names_and_numbers_and_lines() -> None:
    assert HOW["names"]("a-<P1> 1/1\nb-<P2> 0/1", "b-<P9> 0/1\na-<P3> 1/1")
    assert not HOW["names"]("a-<P1> 1/1\nb-<P2> 0/1", "a-<P1> 0/1\nb-<P2> 0/1")
    assert HOW["numbers"]("one 3/3\ntwo 3/3", "one 1/3\ntwo 2/3")
    assert not HOW["numbers"]("one 3/3\ntwo 3/3", "one 3/3")
    assert HOW["lines"]("a\nb", "b\na")
    assert not HOW["lines"]("a\nb", "b\na\na")
    assert not HOW[None]("a\nb", "b\na")
