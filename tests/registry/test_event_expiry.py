"""Events go an hour after they were written last, and nothing else does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.worlds.registry import EVENTS, NAMESPACES
from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.client.local import LocalClient
from wherry.kit.clock import Clock
from wherry.kit.virtual import run_virtual
from wherry.registry.event_expiry import AT_ONCE, EventExpiry
from wherry.registry.registry import Registry
from wherry.store.memory import MemoryStore

HOUR = 3600.0


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(now=self.clock.now)
        self.client = LocalClient(Registry(self.store, self.clock.now, random.Random(1)))
        self.expiry = EventExpiry(self.store, self.clock, HOUR)

    def event(self, name: str) -> Obj:
        about = {"kind": "Pod", "namespace": "default", "name": "p"}
        return {"metadata": {"name": name}, "involvedObject": about, "reason": "Tried", "type": "Normal"}

    async def make(self, name: str) -> Obj:
        return await self.client.create(EVENTS, "default", {**self.event(name), "metadata": {"name": name, "namespace": "default"}})

    async def names(self) -> list[str]:
        return [event["metadata"]["name"] for event in (await self.client.list(EVENTS, "default")).items]


def play(story: Callable[[World], Awaitable[None]], *, running: bool = True) -> None:
    async def run() -> None:
        world = World()
        await world.client.create(NAMESPACES, "", {"metadata": {"name": "default"}})
        task = asyncio.create_task(world.expiry.run()) if running else None
        await asyncio.sleep(0)
        await story(world)
        if task is not None:
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run_virtual(run())


def test_an_event_goes_when_its_time_is_over_and_watchers_see_it_go() -> None:
    async def story(world: World) -> None:
        await world.make("first")
        await world.clock.sleep(HOUR / 2)
        await world.make("second")
        revision = str(world.store.revision)
        await world.clock.sleep(HOUR / 2 - 1)
        assert await world.names() == ["first", "second"]
        await world.clock.sleep(2)
        assert await world.names() == ["second"]
        async for batch in world.client.watch(EVENTS, "default", resource_version=revision):
            assert [(event.type, event.object["metadata"]["name"]) for event in batch] == [("DELETED", "first")]
            break
        await world.clock.sleep(HOUR / 2)
        assert await world.names() == []
        assert len((await world.client.list(NAMESPACES)).items) == 1

    play(story)


def test_an_event_that_is_written_again_stays_an_hour_more() -> None:
    async def story(world: World) -> None:
        made = await world.make("again")
        await world.clock.sleep(HOUR - 10)
        await world.client.update(EVENTS, {**made, "count": 2, "lastTimestamp": timestamps.time(world.clock.now())})
        await world.clock.sleep(HOUR - 10)
        assert await world.names() == ["again"]
        await world.clock.sleep(20)
        assert await world.names() == []

    play(story)


def test_what_is_there_at_the_start_counts_from_when_it_was_written() -> None:
    async def story(world: World) -> None:
        await world.make("old")
        await world.clock.sleep(2 * HOUR)
        made = await world.make("changed")
        await world.clock.sleep(HOUR / 2)
        await world.client.update(EVENTS, {**made, "count": 2})
        await world.clock.sleep(HOUR / 2)
        task = asyncio.create_task(world.expiry.run())
        await world.clock.sleep(1)
        assert await world.names() == ["changed"]
        await world.make("new")
        await world.clock.sleep(HOUR / 2)
        assert await world.names() == ["new"]
        await world.clock.sleep(HOUR / 2)
        assert await world.names() == []
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    play(story, running=False)


def test_hundreds_of_events_end_at_once_and_others_may_have_deleted_some() -> None:
    async def story(world: World) -> None:
        for i in range(2 * AT_ONCE + 7):
            await world.make(f"event-{i:03}")
        for i in range(0, 50, 3):
            await world.client.delete(EVENTS, "default", f"event-{i:03}")
        await world.clock.sleep(HOUR + 1)
        assert await world.names() == []

    play(story)


def test_a_run_that_begins_again_finds_what_is_left() -> None:
    async def story(world: World) -> None:
        for _ in range(3):
            task = asyncio.create_task(world.expiry.run())
            await world.make(f"event-{world.store.revision}")
            await world.clock.sleep(HOUR / 4)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        last = asyncio.create_task(world.expiry.run())
        await world.clock.sleep(HOUR / 4 + 1)
        assert len(await world.names()) == 2
        await world.clock.sleep(HOUR)
        assert await world.names() == []
        last.cancel()
        await asyncio.gather(last, return_exceptions=True)

    play(story, running=False)
