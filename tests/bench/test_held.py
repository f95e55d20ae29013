"""What a cluster holds, by kind of thing: parts that are shared count once, what is not decoded counts as bytes alone."""

from __future__ import annotations

import sys
from typing import Any

from bench.held import by_kind
from wherry.store.protocol import Encoded, Record


def record(kind: str, number: int, obj: dict[str, Any] | None, size: int = 100) -> Record:
    return Record(f"{kind}/default/{number}", Encoded(b"x" * size, obj), number, number, False, None)


def test_kinds_are_told_apart_and_small_ones_together() -> None:
    found = by_kind([record(f"kind{n}", 1, None, 1000 - n) for n in range(7)])
    assert list(found) == ["kind0", "kind1", "kind2", "kind3", "kind4", "others"]
    assert found["kind0"] == (sys.getsizeof(b"x" * 1000), 0)
    assert found["others"] == (sys.getsizeof(b"x" * 995) + sys.getsizeof(b"x" * 994), 0)


def test_what_objects_share_counts_once() -> None:
    shared = {"image": "nginx" * 1000}
    alone = by_kind([record("pods", 1, {"spec": shared})])["pods"][1]
    both = by_kind([record("pods", n, {"spec": shared}) for n in (1, 2)])["pods"][1]
    assert alone > sys.getsizeof(shared["image"])
    assert both - alone == sys.getsizeof({"spec": shared})
