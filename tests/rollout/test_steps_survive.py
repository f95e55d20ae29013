"""Whoever drives steps may be killed before any of its writes: the next one goes on, or goes back, and never is there more than a share."""

from __future__ import annotations

import random

import pytest

from tests.rollout.stepped import BAD, GOOD, KINDS, World, play

STEPS = "20%, pause 10s, 60%, pause 3s, 100%"


def killed(shown: str, deaths: list[int], *, image: str = GOOD, **spec: object) -> tuple[int, World]:
    """How many writes the last driver made."""
    wrote: list[int] = []

    async def scenario(world: World) -> None:
        await world.create(5, **spec)
        await world.steps.begin(STEPS, images={"c": image})
        writes, status = await world.drive(deaths)
        wrote.append(writes)
        assert status.phase == ("done" if image == GOOD else "aborted")
        assert (await world.rollout.wait(120)).done
        assert await world.images() == [image if image == GOOD else "nginx:1"] * 5
        assert await world.is_as_before()

    return wrote[0] if (world := play(shown, scenario)) and wrote else 0, world


@pytest.mark.parametrize("shown", KINDS)
def test_a_driver_killed_before_each_of_its_writes_in_turn_leaves_a_rollout_that_goes_on(shown: str) -> None:
    writes, _ = killed(shown, [])
    assert writes > 4
    for death in range(writes):
        killed(shown, [death])


@pytest.mark.parametrize("shown", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_many_deaths_at_random_change_nothing_in_the_end(shown: str, seed: int) -> None:
    chance = random.Random(seed)
    killed(shown, [chance.randrange(4) for _ in range(chance.randrange(2, 7))])


@pytest.mark.parametrize("shown", KINDS)
def test_a_broken_release_goes_back_whenever_its_driver_is_killed_and_never_has_more_than_the_first_share(shown: str) -> None:
    deadline = {"progressDeadlineSeconds": 30} if shown == "deployment/web" else {}
    writes, world = killed(shown, [], image=BAD, **deadline)
    assert world.most_new == 1
    for death in range(writes):
        _, world = killed(shown, [death], image=BAD, **deadline)
        assert world.most_new <= 1
