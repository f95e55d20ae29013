"""A StatefulSet is moved as the reference did in the recorded rollouts: the same moves, events and ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rules.workloads.statefulset.stateful_world import stateful_set, stateful_world
from tests.worlds.memory import is_ready, template
from tests.worlds.recordings import Player, assert_alike, read, recordings
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.revisions import POD_LABEL
from wherry.rules.workloads.statefulset.identity import ordinal_of

RECORDINGS = recordings("statefulset")


class StatefulPlayer(Player):
    def made(self, image: str) -> Obj:
        return stateful_set(self.name, image, **self.spec)

    def changed(self, image: str) -> None:
        self.world.edit(self.name, template=template(image, self.name))

    def order(self, pods: list[Obj]) -> list[Obj]:
        return sorted(pods, key=lambda p: ordinal_of(self.name, objects.name(p)))

    def counted(self, pods: list[Obj]) -> Any:
        return [objects.name(p) for p in pods]

    def state(self, pod: Obj) -> list[str]:
        state = "terminating" if objects.is_deleting(pod) else "ready" if is_ready(pod) else "not ready"
        return [self.world.mark(objects.labels(pod)[POD_LABEL]), state]

    def end(self) -> Obj:
        status = dict(self.world.get("StatefulSet", self.name)["status"])
        assert status.pop("collisionCount") == 0
        for revision in ("currentRevision", "updateRevision"):
            status[revision] = self.world.mark(status[revision])
        return {"pods": {objects.name(p): self.state(p) for p in self.world.pods()}, "status": status}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_a_recorded_rollout_is_played_the_same_way_step_by_step(path: Path) -> None:
    recording, world = read(path), stateful_world()
    assert_alike(StatefulPlayer(recording, world).lockstep(), recording["lockstep"])


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_a_recorded_rollout_is_played_the_same_way_by_the_clock(path: Path) -> None:
    recording, world = read(path), stateful_world()
    parallel = recording["spec"].get("podManagementPolicy") == "Parallel"
    assert_alike(StatefulPlayer(recording, world).free(), recording["free"], any_order=parallel)
