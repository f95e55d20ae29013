"""Lists and watches: pages, versions, selections."""

from __future__ import annotations

import pytest

from tests.registry.world import CONFIG_MAPS, World, in_world
from wherry.api.errors import BadRequest, Gone, Timeout
from wherry.api.options import MERGE_PATCH, ListOptions, Target
from wherry.api.resources import resource


def test_pages_show_one_state_whatever_happens_meanwhile() -> None:
    async def play(world: World) -> None:
        for name in "abcde":
            await world.config_map(name)
        first = await world.registry.list(Target(CONFIG_MAPS, "default"), ListOptions(limit=2))
        await world.config_map("bb")
        await world.client.delete(CONFIG_MAPS, "default", "d")
        rest = await world.registry.list(Target(CONFIG_MAPS, "default"), ListOptions(limit=9, continue_token=first.continue_token))
        assert [r.object()["metadata"]["name"] for r in (*first.records, *rest.records)] == list("abcde")
        assert (first.remaining, rest.continue_token) == (3, "")

    in_world(play)


def test_a_page_of_a_selection_counts_what_is_selected() -> None:
    async def play(world: World) -> None:
        for number in range(6):
            await world.config_map(f"c{number}", labels={"odd": str(number % 2)})
        page = await world.registry.list(Target(CONFIG_MAPS, "default"), ListOptions(limit=2, label_selector="odd=1"))
        assert [r.object()["metadata"]["name"] for r in page.records] == ["c1", "c3"]
        assert await world.names(limit=2, label_selector="odd=1", continue_token=page.continue_token) == ["c5"]

    in_world(play)


def test_a_token_of_forgotten_history_is_gone_and_offers_the_rest() -> None:
    async def play(world: World) -> None:
        for name in "abc":
            await world.config_map(name)
        token = (await world.registry.list(Target(CONFIG_MAPS, "default"), ListOptions(limit=1))).continue_token
        await world.config_map("d")
        world.store.compact(world.store.revision)
        with pytest.raises(Gone) as gone:
            await world.names(limit=1, continue_token=token)
        assert await world.names(continue_token=gone.value.continue_token) == ["b", "c", "d"]

    in_world(play)


def test_a_version_that_has_not_happened_is_a_timeout_and_a_word_is_refused() -> None:
    async def play(world: World) -> None:
        with pytest.raises(Timeout, match="Too large resource version: 99999, current: "):
            await world.names(resource_version="99999")
        with pytest.raises(BadRequest, match="invalid resource version"):
            await world.names(resource_version="abc")

    in_world(play)


def test_an_exact_version_is_the_past() -> None:
    async def play(world: World) -> None:
        await world.config_map("a")
        then = str(world.store.revision)
        await world.config_map("b")
        assert await world.names(resource_version=then, resource_version_match="Exact") == ["a"]
        assert await world.names(resource_version=then, resource_version_match="NotOlderThan") == ["a", "b"]

    in_world(play)


def test_a_watch_sees_objects_enter_and_leave_its_selection() -> None:
    async def play(world: World) -> None:
        start = str(world.store.revision)
        await world.config_map("a", labels={"app": "x"})
        await world.client.patch(CONFIG_MAPS, "default", "a", {"data": {"k": "2"}}, MERGE_PATCH)
        await world.client.patch(CONFIG_MAPS, "default", "a", {"metadata": {"labels": {"app": "y"}}}, MERGE_PATCH)
        await world.client.patch(CONFIG_MAPS, "default", "a", {"metadata": {"labels": {"app": "x"}}}, MERGE_PATCH)
        await world.client.delete(CONFIG_MAPS, "default", "a")
        events = await world.events(5, resource_version=start, label_selector="app=x")
        assert [e.type for e in events] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
        assert [e.revision for e in events] == sorted({e.revision for e in events})
        left = events[2].record
        assert left is not None
        assert left.object()["metadata"]["labels"] == {"app": "x"}
        assert left.object()["metadata"]["resourceVersion"] == str(events[2].revision)

    in_world(play)


def test_initial_events_end_with_a_bookmark() -> None:
    async def play(world: World) -> None:
        await world.config_map("a")
        events = await world.events(2, send_initial_events=True, resource_version_match="NotOlderThan", allow_bookmarks=True)
        assert [(e.type, e.initial_end) for e in events] == [("ADDED", False), ("BOOKMARK", True)]

    in_world(play)


def test_a_watch_from_forgotten_history_is_gone() -> None:
    async def play(world: World) -> None:
        for name in "abc":
            await world.config_map(name)
        world.store.compact(world.store.revision)
        with pytest.raises(Gone, match="too old resource version: 1 "):
            await world.events(1, resource_version="1")

    in_world(play)


def test_a_limit_holds_nothing_back_of_a_list_of_any_age() -> None:
    async def play(world: World) -> None:
        for name in "abc":
            await world.config_map(name)
        page = await world.registry.list(Target(CONFIG_MAPS, "default"), ListOptions(limit=2, resource_version="0"))
        assert (len(page.records), page.continue_token, page.remaining) == (3, "", None)
        events = resource("events")
        for name in "abc":
            about = {"kind": "Pod", "namespace": "default", "name": "p"}
            await world.client.create(events, "default", {"metadata": {"name": name}, "involvedObject": about})
        page = await world.registry.list(Target(events, "default"), ListOptions(limit=2, resource_version="0"))
        assert (len(page.records), page.remaining) == (2, 1), "the reference does not cache events"

    in_world(play)
