"""Lists of thousands of items are merged in time that grows with their length, in the same order as short ones."""

from __future__ import annotations

import random
from typing import Any

from wherry.rules.writing.patch.strategic_lists import Places, arrange, distinct, same


class Counted(str):
    """A name that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)


def named(names: Any) -> list[dict[str, Any]]:
    return [{"name": Counted(name)} for name in names]


def test_twenty_thousand_items_are_put_in_order_with_few_comparisons() -> None:
    live = [f"c{i}" for i in range(20_000)]
    patch = live[::-2]
    Counted.compared = 0
    done = arrange(named(live), named(patch), named(live), "name")
    assert Counted.compared < 20 * len(live)
    assert [str(item["name"]) for item in done if str(item["name"]) in set(patch)] == patch


def test_places_are_those_of_a_search_item_by_item() -> None:
    rng = random.Random(3)
    values: list[Any] = [0, 1, 1.0, True, "1", None, "a", [1], {"a": 1}]
    for _ in range(300):
        items = rng.choices(values, k=rng.randint(0, 12))
        places = Places(items, "")
        for wanted in values:
            assert places.of(wanted) == next((i for i, item in enumerate(items) if same(item, wanted)), -1)


def test_repeated_scalars_are_dropped_by_type_and_value() -> None:
    assert distinct([1, True, 1, "1", 1.0, "1"]) == [1, True, "1", 1.0]
