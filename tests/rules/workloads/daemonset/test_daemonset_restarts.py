"""A DaemonSet's controller dies before every single write of a rollout in turn."""

from __future__ import annotations

import pytest

from tests.rules.workloads.daemonset.daemon_world import change_template, daemon_set, daemon_world, node, rolling
from tests.worlds.memory import World, template
from tests.worlds.restarts import assert_crashes_change_nothing, run_pods
from wherry.api.objects import Obj


@pytest.mark.parametrize("updates", [rolling(1), rolling("50%"), rolling(0, 2)], ids=["one", "half", "surge"])
def test_a_crash_before_any_write_changes_nothing_in_the_end(updates: Obj) -> None:
    def story(world: World) -> None:
        world.create(daemon_set(updateStrategy=updates, revisionHistoryLimit=1))
        run_pods(world)
        for image in ("agent:2", "agent:3", "agent:1"):
            change_template(world, "agent", template(image, "agent"))
            run_pods(world)
        world.create(node("late"))
        run_pods(world)

    assert assert_crashes_change_nothing(lambda: daemon_world(4), story) > 30
