"""A StatefulSet's controller dies before every single write of a rollout in turn."""

from __future__ import annotations

import pytest

from tests.rules.workloads.statefulset.stateful_world import claim_template, rolling, stateful_set, stateful_world
from tests.worlds.memory import World, template
from tests.worlds.restarts import assert_crashes_change_nothing, run_pods


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
def test_a_crash_before_any_write_changes_nothing_in_the_end(policy: str) -> None:
    def story(world: World) -> None:
        retention = {"whenDeleted": "Delete", "whenScaled": "Delete"}
        top = stateful_set(
            podManagementPolicy=policy, volumeClaimTemplates=[claim_template()], persistentVolumeClaimRetentionPolicy=retention,
            revisionHistoryLimit=1,
        )
        world.create(top)
        run_pods(world)
        for image in ("nginx:2", "nginx:3"):
            world.edit("web", template=template(image), replicas=4)
            run_pods(world)
        world.edit("web", replicas=2, updateStrategy=rolling(1), template=template("nginx:1"))
        run_pods(world)

    assert assert_crashes_change_nothing(stateful_world, story) > 40
