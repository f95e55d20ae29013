"""Blue-green on a plain Deployment and two plain Services: who gets which pods at every moment."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.rollout.stepped import GOOD, World, play
from tests.rollout.test_steps import release, replaced, until
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.rollout.targets import PODS

SERVICES = resource("services")
STEPS = "preview, pause 20s, switch, pause 30s, 100%"
ROLES = "active=web preview=web-preview"


async def services(world: World) -> None:
    for name in ("web", "web-preview"):
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
        await world.client.create(SERVICES, "default", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})


async def behind(world: World, name: str) -> set[str]:
    """The images of the pods that a Service leads to."""
    selector = (await world.client.get(SERVICES, "default", name))["spec"]["selector"]
    pods = await world.client.list(PODS, "default", label_selector=",".join(f"{k}={v}" for k, v in selector.items()))
    return {image(pod) for pod in pods.items if "deletionTimestamp" not in pod["metadata"]}


def image(pod: Obj) -> str:
    return str(pod["spec"]["containers"][0]["image"])


async def never_mixed(world: World, faults: list[str]) -> None:
    """For ever: the active Service leads to one release at a time, until the old pods go after the switch."""
    while True:
        phase = (await world.steps.status()).phase
        seen = await behind(world, "web")
        if len(seen) > 1 and phase not in ("done", "aborted"):
            faults.append(f"{phase}: {seen}")
        await asyncio.sleep(0.05)


def test_the_active_service_changes_from_all_old_to_all_new_pods_in_one_write() -> None:
    async def scenario(world: World) -> None:
        await world.create(4)
        await services(world)
        faults: list[str] = []
        judge = asyncio.create_task(never_mixed(world, faults))
        await world.steps.begin(STEPS, images={"c": GOOD}, services=ROLES)
        run = asyncio.create_task(world.steps.run())
        await until(world, "paused", step=2)
        assert await world.images() == ["nginx:1"] * 4 + [GOOD] * 4
        assert (await behind(world, "web"), await behind(world, "web-preview")) == ({"nginx:1"}, {GOOD})
        await until(world, "paused", step=4)
        assert await world.images() == ["nginx:1"] * 4 + [GOOD] * 4
        assert await behind(world, "web") == {GOOD}
        assert (await run).phase == "done"
        await replaced(world)
        judge.cancel()
        assert faults == []
        assert await world.images() == [GOOD] * 4
        for name in ("web", "web-preview"):
            assert (await world.client.get(SERVICES, "default", name))["spec"]["selector"] == {"app": "web"}
        world.faults.clear()  # a preview has no share

    play("deployment/web", scenario)


@pytest.mark.parametrize("step", [2, 4])
def test_an_abort_before_and_after_the_switch_leads_back_before_the_new_pods_go(step: int) -> None:
    async def scenario(world: World) -> None:
        await world.create(3)
        await services(world)
        await world.steps.begin("preview, pause, switch, pause, 100%", images={"c": GOOD}, services=ROLES)
        run = asyncio.create_task(world.steps.run())
        await until(world, "paused", step=2)
        if step == 4:
            await world.steps.promote()
            await until(world, "paused", step=4)
            assert await behind(world, "web") == {GOOD}
        faults: list[str] = []
        judge = asyncio.create_task(never_mixed(world, faults))
        await world.steps.abort("no")
        assert (await behind(world, "web"), (await world.images()).count("nginx:1")) == ({"nginx:1"}, 3)
        assert (await run).phase == "aborted"
        judge.cancel()
        assert faults == []
        await replaced(world)
        assert await behind(world, "web") == {"nginx:1"}
        assert (await world.client.get(SERVICES, "default", "web"))["spec"]["selector"] == {"app": "web"}
        world.faults.clear()

    play("deployment/web", scenario)


def test_a_driver_killed_at_any_write_leaves_no_service_between() -> None:
    chance = random.Random(3)
    for _ in range(6):
        deaths = [chance.randrange(4) for _ in range(chance.randrange(1, 6))]

        async def scenario(world: World, deaths: list[int] = deaths) -> None:
            await world.create(3)
            await services(world)
            faults: list[str] = []
            judge = asyncio.create_task(never_mixed(world, faults))
            await world.steps.begin(STEPS, images={"c": GOOD}, services=ROLES)
            _, status = await world.drive(deaths)
            assert status.phase == "done"
            judge.cancel()
            assert faults == []
            assert (await world.client.get(SERVICES, "default", "web"))["spec"]["selector"] == {"app": "web"}
            world.faults.clear()

        play("deployment/web", scenario, guards=False)


def test_a_cluster_that_follows_the_annotation_leads_the_services_before_there_is_a_new_pod() -> None:
    async def scenario(world: World) -> None:
        await world.create(3)
        await services(world)
        faults: list[str] = []
        judge = asyncio.create_task(never_mixed(world, faults))
        await release(world, GOOD, **{"wherry.dev/rollout-steps": STEPS, "wherry.dev/rollout-services": ROLES})
        await until(world, "paused", step=2)
        assert (await behind(world, "web"), await behind(world, "web-preview")) == ({"nginx:1"}, {GOOD})
        await until(world, "done")
        await replaced(world)
        judge.cancel()
        assert faults == []
        world.faults.clear()

    play("deployment/web", scenario)
