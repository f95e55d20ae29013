"""Which watchers hear of a write: those of its prefix and of its part, and the work does not grow with those of other parts."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from wherry.store.memory import MemoryStore
from wherry.store.protocol import Encoded, Part, Record

asked: list[str] = []


def node(record: Record) -> str:
    asked.append(record.key)
    return str(record.object()["node"])


def pod(on: str) -> Encoded:
    return Encoded(msgspec.json.encode({"node": on}))


def part(value: str) -> Part:
    return Part("node", node, value)


def heard(watch: Any) -> list[tuple[str, str]]:
    """Keys and nodes of what is pending."""
    return [(record.key, record.object()["node"]) for record in watch._pending]


def test_a_part_hears_what_is_of_it_and_what_leaves_it() -> None:
    async def story() -> None:
        store = MemoryStore()
        one, two = (store.watch("pods/", after=store.revision, part=part(value)) for value in ("a", "b"))
        within, everything = store.watch("pods/x/", after=store.revision, part=part("a")), store.watch("", after=store.revision)
        first = await store.put("pods/x/p", pod("a"), expect=0)
        second = await store.put("pods/x/p", pod("b"), expect=first.revision)
        await store.put("pods/y/q", pod("a"), expect=0)
        await store.delete("pods/x/p", expect=second.revision)
        assert heard(one) == [("pods/x/p", "a"), ("pods/x/p", "b"), ("pods/y/q", "a")]
        assert heard(two) == [("pods/x/p", "b"), ("pods/x/p", "b")]
        assert heard(within) == [("pods/x/p", "a"), ("pods/x/p", "b")]
        assert len(heard(everything)) == 4

    asyncio.run(story())


def test_a_write_asks_once_however_many_parts_are_watched() -> None:
    async def story() -> None:
        store = MemoryStore()
        watches = [store.watch("pods/", after=store.revision, part=part(f"n{each}")) for each in range(500)]
        asked.clear()
        await store.put("pods/x/p", pod("n7"), expect=0)
        assert asked == ["pods/x/p"]
        assert [bool(heard(watch)) for watch in watches].count(True) == 1
        for watch in watches:
            watch.close()
        await store.put("pods/x/p", pod("n7"))
        assert asked == ["pods/x/p"]  # nobody is left who wants to know

    asyncio.run(story())
