"""Rollouts in steps on a cluster: how they are begun, steered, disturbed and ended; by the command's driver and by the cluster's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.rollout.stepped import BAD, GOOD, KINDS, World, play
from wherry.api.objects import Obj, labels
from wherry.api.options import MERGE_PATCH, STRATEGIC_PATCH
from wherry.kit.fetch import Fetched
from wherry.rollout import RolloutError, StepsStatus
from wherry.rollout.checks import BadCheck
from wherry.rollout.errors import Paused, Unchanged
from wherry.rollout.targets import EVENTS, REPLICA_SETS
from wherry.rules.workloads.steps.move import NoSteps
from wherry.rules.workloads.steps.spec import BadSteps

WEB = "deployment/web"
STEPS = "wherry.dev/rollout-steps"


async def until(world: World, phase: str, *, step: int = 0) -> StepsStatus:
    async with asyncio.timeout(2000):
        while True:
            status = await world.steps.status()
            if status.phase == phase and step in (0, status.step):
                return status
            await asyncio.sleep(0.1)


async def many(world: World, least: int) -> None:
    """Until that many new pods are there."""
    async with asyncio.timeout(60):
        while (await world.images()).count(GOOD) < least:  # noqa: ASYNC110  # what a user would do
            await asyncio.sleep(0.02)


async def release(world: World, image: str, **annotations: str | None) -> None:
    """As `kubectl set image` does, perhaps with annotations in the same write."""
    patch = {"metadata": {"annotations": annotations}, "spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await world.client.patch(world.row, "default", "web", patch, STRATEGIC_PATCH)


async def annotate(world: World, **annotations: str | None) -> None:
    await world.client.patch(world.row, "default", "web", {"metadata": {"annotations": annotations}}, MERGE_PATCH)


async def told(world: World) -> list[str]:
    return [event["reason"] for event in (await world.client.list(EVENTS, "default")).items if event["reason"].startswith("Rollout")]


async def replaced(world: World) -> None:
    """Ends as kubectl sees it, with every field of the owner's."""
    assert (await world.rollout.wait(200)).done
    assert await world.is_as_before()


# --- one way or the other ---
def test_a_release_goes_step_by_step_and_ends_as_a_plain_one() -> None:
    async def scenario(world: World) -> None:
        await world.create(10)
        await world.steps.begin("10%, pause, 50%, 100%", images={"c": GOOD})
        run = asyncio.create_task(world.steps.run())
        paused = await until(world, "paused")
        assert (paused.new, paused.ready, paused.share, paused.waits) == (1, 1, 10, True)
        assert await world.images() == ["nginx:1"] * 9 + [GOOD]
        assert labels(await world.workload())["wherry.dev/rollout-step"] == "2-of-4"
        await asyncio.sleep(1000)  # events live an hour
        assert await world.images() == ["nginx:1"] * 9 + [GOOD]
        await world.steps.promote()
        assert (await run).phase == "done"
        await replaced(world)
        assert await world.images() == [GOOD] * 10
        assert await told(world) == ["RolloutStepsBegun", "RolloutStep", "RolloutStep", "RolloutStep", "RolloutStepsDone"]
        managers = {entry["manager"]: entry for entry in (await world.workload())["metadata"]["managedFields"]}
        assert set(managers["wherry-steps"]["fieldsV1"]["f:spec"]) == {"f:template"}

    play(WEB, scenario)


@pytest.mark.parametrize("shown", KINDS)
def test_what_a_check_refuses_reached_the_first_share_only_and_goes_back(shown: str) -> None:
    async def scenario(world: World) -> None:
        async def fetch(url: str) -> Fetched:
            return Fetched(500, "")

        await world.create(5)
        await world.steps.begin("20%, check, 100%", images={"c": GOOD}, checks=["name=smoke http=http://web/ count=2"])
        status = await world.steps.run(fetch=fetch)
        assert (status.phase, status.why) == ("aborted", "check smoke: HTTP status 500")
        assert world.most_new == 1
        await replaced(world)
        assert await world.images() == ["nginx:1"] * 5
        assert (await world.rollout.history())[-1].change_cause == "aborted by steps: check smoke: HTTP status 500"
        assert "kubernetes.io/change-cause" not in (await world.workload())["metadata"].get("annotations", {})

    play(shown, scenario)


def test_a_check_without_an_answer_waits_for_a_person_and_can_be_retried() -> None:
    async def scenario(world: World) -> None:
        answers = [Fetched(0, "refused")] * 3

        async def fetch(url: str) -> Fetched:
            return answers.pop() if answers else Fetched(200, '{"data":{"resultType":"scalar","result":[1,"0.1"]}}')

        await world.create(4)
        check = "name=errors prometheus=http://prom query=x below=0.5 count=1"
        await world.steps.begin("25%, check errors, 100%", images={"c": GOOD}, checks=[check])
        run = asyncio.create_task(world.steps.run(fetch=fetch))
        waiting = await until(world, "inconclusive")
        assert (waiting.why, waiting.waits) == ("check errors: refused", True)
        await world.steps.retry()
        assert (await run).phase == "done"

    play(WEB, scenario)


@pytest.mark.parametrize("shown", KINDS)
def test_an_abort_goes_back_and_a_retry_releases_again(shown: str) -> None:
    async def scenario(world: World) -> None:
        await world.create(5)
        await world.steps.begin("20%, pause, 100%", images={"c": GOOD})
        run = asyncio.create_task(world.steps.run())
        await until(world, "paused")
        await world.steps.abort("somebody saw something")
        status = await run
        assert (status.phase, status.why) == ("aborted", "somebody saw something")
        await replaced(world)
        assert await world.images() == ["nginx:1"] * 5
        with pytest.raises(RolloutError, match="is not being rolled out in steps"):
            await world.steps.promote()
        await world.steps.retry()
        run = asyncio.create_task(world.steps.run())
        assert (await until(world, "paused")).new == 1
        await world.steps.promote(full=True)
        assert (await run).phase == "done"
        assert await world.images() == [GOOD] * 5

    play(shown, scenario)


def test_two_drivers_at_once_do_the_same() -> None:
    async def scenario(world: World) -> None:
        await world.create(6)
        await world.steps.begin("50%, pause 1s, 100%", images={"c": GOOD})
        both = await asyncio.gather(world.driver()[0].run(), world.driver()[0].run())
        assert [status.phase for status in both] == ["done", "done"]
        await replaced(world)

    play(WEB, scenario, guards=False)


# --- what others do meanwhile ---
@pytest.mark.parametrize("shown", KINDS)
def test_a_new_template_begins_the_steps_again(shown: str) -> None:
    async def scenario(world: World) -> None:
        await world.create(5)
        await world.steps.begin("20%, pause, 60%, pause, 100%", images={"c": BAD})
        run = asyncio.create_task(world.steps.run())
        await asyncio.sleep(20)
        await release(world, GOOD)
        status = await until(world, "paused")
        assert (status.step, status.new, status.ready) == (2, 1, 1)
        assert (await world.images()).count("nginx:1") == 4
        await world.steps.promote(full=True)
        assert (await run).phase == "done"
        await replaced(world)
        assert await world.images() == [GOOD] * 5

    play(shown, scenario)


@pytest.mark.parametrize("shown", KINDS)
def test_kubectls_undo_in_the_middle_is_a_return_with_the_owners_fields(shown: str) -> None:
    async def scenario(world: World) -> None:
        await world.create(5)
        await world.steps.begin("40%, pause, 100%", images={"c": GOOD})
        run = asyncio.create_task(world.steps.run())
        await until(world, "paused")
        assert (await world.rollout.undo()).changed
        await annotate(world, **{STEPS: None})  # as kubectl's own undo does with annotations that the old revision did not have
        status = await run
        assert (status.phase, status.why) == ("aborted", "the template was changed back")
        await replaced(world)
        assert await world.images() == ["nginx:1"] * 5

    play(shown, scenario)


def test_an_undo_that_takes_all_annotations_with_it_still_ends_with_the_owners_fields() -> None:
    async def scenario(world: World) -> None:
        await world.create(5)
        await world.steps.begin("40%, pause, 100%", images={"c": GOOD})
        run = asyncio.create_task(world.steps.run())
        await until(world, "paused")
        run.cancel()
        await release(world, "nginx:1", **{STEPS: None, "wherry.dev/rollout-state": None})
        assert (await world.workload())["spec"]["minReadySeconds"] == 2**31 - 2
        assert (await world.driver()[0].run()).phase == "aborted"
        await replaced(world)

    play(WEB, scenario, guards=False)


def test_a_deployment_that_its_owner_pauses_waits() -> None:
    async def scenario(world: World) -> None:
        await world.create(5)
        await world.steps.begin("20%, pause 10s, 100%", images={"c": GOOD})
        run = asyncio.create_task(world.steps.run())
        await until(world, "paused")
        await world.rollout.pause()
        await asyncio.sleep(100)
        status = await world.steps.status()
        assert (status.phase, status.paused_by_owner) == ("paused", True)
        with pytest.raises(Paused):
            await world.steps.promote()
        await world.rollout.resume()
        assert (await run).phase == "done"
        await replaced(world)

    play(WEB, scenario)


def test_scaling_and_an_apply_in_the_middle_keep_the_share() -> None:
    async def scenario(world: World) -> None:
        await world.create(10)
        await world.steps.begin("20%, pause, 100%", images={"c": GOOD})
        run = asyncio.create_task(world.steps.run())
        await until(world, "paused")
        await world.client.patch(world.row, "default", "web", {"spec": {"replicas": 20}}, MERGE_PATCH)
        await asyncio.sleep(30)
        assert (await world.images()).count(GOOD) == 4
        owners: dict[str, Any] = {key: world.before.get(key) for key in ("strategy", "minReadySeconds", "progressDeadlineSeconds")}
        await world.client.patch(world.row, "default", "web", {"spec": owners}, MERGE_PATCH)
        await asyncio.sleep(0.5)
        assert (await world.workload())["spec"]["minReadySeconds"] == 2**31 - 2
        await world.steps.promote()
        assert (await run).phase == "done"
        await replaced(world)

    world = play_without_judge(scenario)
    assert world.faults == [] or all("20" in fault for fault in world.faults)


def play_without_judge(scenario: Any) -> World:
    """For stories in which somebody takes the hold away for a moment."""
    kept: list[World] = []

    async def whole(world: World) -> None:
        kept.append(world)
        await scenario(world)
        world.faults.clear()

    play(WEB, whole)
    return kept[0]


# --- the annotation, followed by the cluster ---
@pytest.mark.parametrize("shown", KINDS)
def test_a_cluster_follows_the_annotation_for_each_release(shown: str) -> None:
    async def scenario(world: World) -> None:
        await world.create(5)
        await annotate(world, **{STEPS: "20%, pause 30s, 100%"})
        await until(world, "done")
        for image in (GOOD, "nginx:3"):
            await release(world, image)
            assert (await until(world, "paused")).new == 1
            await until(world, "done")
            await replaced(world)
            assert await world.images() == [image] * 5
            world.stable = image

    play(shown, scenario)


@pytest.mark.parametrize("shown", ["deployment/web", "sts/web"])
def test_what_was_rolled_out_too_far_before_the_steps_came_is_taken_back_to_the_share(shown: str) -> None:
    async def scenario(world: World) -> None:
        await world.create(6)
        await release(world, GOOD)
        await many(world, 3)
        await annotate(world, **{STEPS: "20%, pause, 100%"})
        status = await until(world, "paused")
        assert (status.new, status.ready) == (1, 1)
        assert await world.images() == ["nginx:1"] * 5 + [GOOD]
        assert not (await world.workload())["spec"].get("paused")
        await world.steps.promote()
        await until(world, "done")
        await replaced(world)
        world.faults.clear()  # those of before

    play(shown, scenario)


def test_steps_that_cannot_be_read_become_an_event_and_the_next_ones_are_followed() -> None:
    async def scenario(world: World) -> None:
        await world.create(3)
        await annotate(world, **{STEPS: "10%, nonsense"})
        await asyncio.sleep(5)
        assert "RolloutStepsRefused" in await told(world)
        await annotate(world, **{STEPS: "50%, pause 1s"})
        await release(world, GOOD)
        await many(world, 3)
        assert (await until(world, "done")).newest != ""

    play(WEB, scenario)


def test_programs_of_checks_are_left_to_a_command() -> None:
    async def scenario(world: World) -> None:
        await world.create(4)
        await world.steps.begin("25%, check", images={"c": GOOD}, checks=["command=true count=1"])
        await until(world, "checking")
        await asyncio.sleep(1000)
        assert (await world.steps.status()).phase == "checking"
        await world.client.patch(world.row, "default", "web", {"metadata": {"annotations": {"wherry.dev/rollout-checks": "restarts=0"}}},
                                 MERGE_PATCH)
        await until(world, "done")

    play(WEB, scenario)


def test_a_webhook_is_told_and_one_that_does_not_answer_becomes_an_event() -> None:
    async def scenario(world: World) -> None:
        heard: list[Any] = []

        async def post(url: str, value: Any) -> Fetched:
            heard.append(value)
            return Fetched(200 if len(heard) > 1 else 503, "")

        await world.create(2)
        await world.steps.begin("50%, pause 1s", images={"c": GOOD}, notify="http://127.0.0.1:1/hook")
        driver, _ = world.driver()
        driver._post = post  # type: ignore[assignment]
        await driver.run()
        assert [each["reason"] for each in heard] == ["RolloutStep", "RolloutStep", "RolloutStepsDone"]
        assert heard[-1]["object"] == "deployments/web"
        assert (await told(world)).count("RolloutNotifyFailed") == 2  # begin's, and the first

    play(WEB, scenario, guards=False)


# --- refusals ---
@pytest.mark.parametrize(("spec", "steps", "images", "error", "said"), [
    ({"strategy": {"type": "Recreate"}}, "10%", {"c": GOOD}, NoSteps, "its strategy is Recreate"),
    ({}, "", {"c": GOOD}, BadSteps, "no steps"),
    ({}, "10%, check", {"c": GOOD}, BadCheck, "there are none"),
    ({}, "10%", {"d": GOOD}, RolloutError, "unable to find container"),
    ({}, "preview", {"c": GOOD}, NoSteps, "need a Service"),
    ({}, "10%", {"c": "nginx:1"}, Unchanged, "has that template already")])
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(spec: Obj, steps: str, images: dict[str, str], error: type[Exception],
                                                               said: str) -> None:  # fmt: skip
    async def scenario(world: World) -> None:
        await world.create(2, **spec)
        version = (await world.workload())["metadata"]["resourceVersion"]
        with pytest.raises(error, match=said):
            await world.steps.begin(steps, images=images)
        assert (await world.workload())["metadata"]["resourceVersion"] == version

    play(WEB, scenario)


@pytest.mark.parametrize("shown", ["sts/web", "ds/web"])
def test_kinds_refuse_what_they_cannot_have(shown: str) -> None:
    async def scenario(world: World) -> None:
        await world.create(2)
        with pytest.raises(NoSteps, match="preview needs all new pods beside all old ones"):
            await world.steps.begin("preview", images={"c": GOOD}, services="active=web")
        await world.client.patch(world.row, "default", "web", {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}},
                                 MERGE_PATCH)
        with pytest.raises(NoSteps, match="OnDelete"):
            await world.steps.begin("10%", images={"c": GOOD})

    play(shown, scenario)


def test_a_single_pod_keeps_its_old_one_beside_it_until_the_last_step() -> None:
    async def scenario(world: World) -> None:
        await world.create(1)
        await world.steps.begin("50%, pause, 100%", images={"c": GOOD})
        run = asyncio.create_task(world.steps.run())
        await until(world, "paused")
        assert await world.images() == ["nginx:1", GOOD]
        sizes = [rs["spec"]["replicas"] for rs in (await world.client.list(REPLICA_SETS, "default")).items]
        assert sizes == [1, 1]
        await world.steps.promote()
        assert (await run).phase == "done"
        await replaced(world)

    play(WEB, scenario)
