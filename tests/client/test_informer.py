"""Informers: what they hold, what ends them (nothing), and that the owner's own writes are never taken back by a watch that lags."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from wherry.api.errors import Forbidden
from wherry.api.objects import Obj, name
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.local import LocalClient
from wherry.client.protocol import Listing
from wherry.kit.health import Health
from wherry.kit.virtual import run_virtual
from wherry.registry.registry import Registry
from wherry.store.memory import MemoryStore

MAPS, PODS = resource("configmaps"), resource("pods")


class Lagging(LocalClient):
    """A client whose lists may be refused, and whose watches may be held back: what came meanwhile is delivered in order, late."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self.refusal: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.lists = 0

    async def list(self, *args: Any, **options: Any) -> Listing:
        self.lists += 1
        if self.refusal is not None:
            raise self.refusal
        return await super().list(*args, **options)

    async def watch(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        if self.refusal is not None:
            raise self.refusal
        async for batch in super().watch(*args, **options):
            await self.open.wait()
            yield batch


class World:
    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        registry = Registry(MemoryStore(now=loop.time), loop.time, random.Random(1))
        self.client = Lagging(registry)
        self.health = Health()
        self.informers = Informers(self.client, self.health)

    async def put(self, named: str, **data: str) -> Obj:
        new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": named}, "data": data}
        return await self.client.create(MAPS, "default", new)


Story = Callable[[World], Awaitable[None]]


def plays(story: Story) -> Callable[[], None]:
    """Run the story on virtual time in a world with the namespace default, and stop its informers."""

    async def run() -> None:
        world = World()
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
        await world.client.create(resource("namespaces"), "", space)
        try:
            await story(world)
        finally:
            await world.informers.stop()

    def test() -> None:
        run_virtual(run())

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    return test


@plays
async def test_a_handler_that_raises_ends_neither_the_informer_nor_the_other_handlers(world: World) -> None:
    seen: list[str] = []

    def broken(old: Obj | None, new: Obj | None) -> None:
        raise KeyError("spec")

    maps = world.informers.of(MAPS)
    maps.add_handler(broken, "some-controller")
    maps.add_handler(lambda old, new: seen.append(name(new or old or {})))
    await world.informers.start()
    await world.put("a")
    await asyncio.sleep(1)
    assert not world.health.ill
    await world.put("b")
    await asyncio.sleep(1)
    assert seen == ["a", "b"]
    assert world.health.ill == {"some-controller (informer configmaps)": "KeyError: 'spec'"}


@plays
async def test_a_handler_that_works_again_is_well(world: World) -> None:
    broken = True

    def handler(old: Obj | None, new: Obj | None) -> None:
        if broken:
            raise ValueError("no")

    world.informers.of(MAPS).add_handler(handler, "x")
    await world.informers.start()
    await world.put("a")
    await world.put("b")
    await asyncio.sleep(1)
    assert world.health.ill
    broken = False
    await world.put("c")
    await asyncio.sleep(1)
    assert not world.health.ill


@plays
async def test_an_index_that_cannot_read_an_object_leaves_it_out_and_goes_on(world: World) -> None:
    maps = world.informers.of(MAPS)
    maps.add_index("colour", lambda obj: (obj["data"]["colour"],))
    await world.informers.start()
    await world.put("grey")
    await world.put("red", colour="red")
    await asyncio.sleep(1)
    assert [name(o) for o in maps.by_index("colour", "red")] == ["red"]
    assert sorted(maps.names()) == ["default/grey", "default/red"]


@plays
async def test_an_index_is_what_its_name_says_for_all(world: World) -> None:
    def colour(obj: Obj) -> list[str]:
        return [obj["data"]["colour"]]

    maps = world.informers.of(MAPS)
    maps.add_index("colour", colour)
    maps.add_index("colour", colour)
    with pytest.raises(ValueError, match="configmaps have an index colour of something else already"):
        maps.add_index("colour", lambda obj: (obj["data"]["shade"],))


@plays
async def test_an_exception_in_a_handler_does_not_reach_who_wrote(world: World) -> None:
    def broken(old: Obj | None, new: Obj | None) -> None:
        raise KeyError("spec")

    world.informers.of(MAPS).add_handler(broken)
    await world.informers.start()
    world.informers.absorb(MAPS, await world.put("a"))
    assert world.informers.of(MAPS).get("default/a")


def test_a_refused_list_is_told_once_a_minute_and_the_informer_is_ill_until_it_is_let_in(caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World) -> None:
        world.client.refusal = Forbidden('configmaps is forbidden: User "x" cannot list resource')
        maps = world.informers.of(MAPS)
        start = asyncio.create_task(world.informers.start())
        await asyncio.sleep(30.5)
        assert world.client.lists == 31
        assert world.health.ill == {"informer configmaps": 'configmaps is forbidden: User "x" cannot list resource'}
        assert [r.message for r in caplog.records].count(
            'informer configmaps: configmaps is forbidden: User "x" cannot list resource; tried again every 1 s'
        ) == 1
        world.client.refusal = None
        await world.put("a")
        await start
        assert maps.get("default/a")
        await asyncio.sleep(10)  # nothing comes, and the watch stays open
        assert not world.health.ill

    plays(story)()


@plays
async def test_an_answer_that_is_none_is_told_and_read_again(world: World) -> None:
    maps = world.informers.of(MAPS)
    await world.informers.start()
    world.client.refusal = TypeError("no JSON")
    await world.informers.stop()
    await asyncio.gather(world.informers.start(), _mend(world))
    await world.put("a")
    await asyncio.sleep(2)
    assert maps.get("default/a")


async def _mend(world: World) -> None:
    await asyncio.sleep(5)
    assert world.health.ill["informer configmaps"] == "no JSON"
    world.client.refusal = None


# --- the owner's own writes ---
@plays
async def test_an_absorbed_delete_does_not_come_back_with_a_watch_that_lags(world: World) -> None:
    maps = world.informers.of(MAPS)
    await world.informers.start()
    world.client.open.clear()
    created = await world.put("a")
    changed = await world.client.patch(MAPS, "default", "a", {"data": {"k": "v"}}, MERGE_PATCH)
    world.informers.absorb(MAPS, changed)
    seen: list[str] = []
    maps.add_handler(lambda old, new: seen.append("gone" if new is None else "there"))
    await world.client.delete(MAPS, "default", "a")
    world.informers.absorb_deleted(MAPS, changed)
    world.informers.absorb(MAPS, created)  # another write's late answer
    assert maps.get("default/a") is None
    world.client.open.set()  # now the watch tells of the creation, the change and the deletion
    await asyncio.sleep(1)
    assert maps.get("default/a") is None
    assert seen == ["there", "gone"]


@plays
async def test_one_of_the_same_name_made_after_an_absorbed_delete_is_taken_in(world: World) -> None:
    maps = world.informers.of(MAPS)
    await world.informers.start()
    world.client.open.clear()
    first = await world.put("a")
    world.informers.absorb(MAPS, first)
    await world.client.delete(MAPS, "default", "a")
    world.informers.absorb_deleted(MAPS, first)
    second = await world.put("a")
    world.informers.absorb(MAPS, second)
    assert maps.get("default/a") == second
    world.client.open.set()
    await asyncio.sleep(1)
    assert maps.get("default/a") == second


@plays
async def test_a_delete_of_another_of_the_same_name_takes_nothing_away(world: World) -> None:
    maps = world.informers.of(MAPS)
    await world.informers.start()
    world.informers.absorb(MAPS, second := await world.put("a"))
    world.informers.absorb_deleted(MAPS, {**second, "metadata": {**second["metadata"], "uid": "another"}})
    assert maps.get("default/a") == second


# --- scopes ---
@plays
async def test_an_informer_with_selectors_holds_only_what_they_select(world: World) -> None:
    one = world.informers.of(MAPS, field_selector="metadata.name=a")
    labelled = world.informers.of(MAPS, namespace="default", label_selector="x=y")
    whole = world.informers.of(MAPS)
    assert world.informers.of(MAPS, field_selector="metadata.name=a") is one
    await world.informers.start()
    for named in "ab":
        world.informers.absorb(MAPS, await world.put(named))
    assert (list(one.names()), len(labelled), len(whole)) == (["default/a"], 0, 2)
    changed = await world.client.patch(MAPS, "default", "b", {"metadata": {"labels": {"x": "y"}}}, MERGE_PATCH)
    world.informers.absorb(MAPS, changed)
    assert list(labelled.names()) == ["default/b"]
    changed = await world.client.patch(MAPS, "default", "b", {"metadata": {"labels": {"x": None}}}, MERGE_PATCH)
    world.informers.absorb(MAPS, changed)
    assert len(labelled) == 0
    await asyncio.sleep(1)
    assert (list(one.names()), len(labelled), len(whole)) == (["default/a"], 0, 2)


@plays
async def test_events_that_leave_a_selection_take_the_object_away(world: World) -> None:
    labelled = world.informers.of(MAPS, label_selector="x=y")
    await world.informers.start()
    await world.put("a")
    await world.client.patch(MAPS, "default", "a", {"metadata": {"labels": {"x": "y"}}}, MERGE_PATCH)
    await asyncio.sleep(1)
    assert list(labelled.names()) == ["default/a"]
    await world.client.patch(MAPS, "default", "a", {"metadata": {"labels": {"x": "z"}}}, MERGE_PATCH)
    await asyncio.sleep(1)
    assert len(labelled) == 0


