"""A DaemonSet is moved as the reference did in the recorded rollouts: the same moves, events and ends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.rules.workloads.daemonset.daemon_world import change_template, daemon_set, daemon_world
from tests.worlds.memory import is_ready, template
from tests.worlds.recordings import Player, assert_alike, read, recordings
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.revisions import POD_LABEL

RECORDINGS = recordings("daemonset")


class DaemonPlayer(Player):
    def made(self, image: str) -> Obj:
        return daemon_set(self.name, image, **self.spec)

    def changed(self, image: str) -> None:
        change_template(self.world, self.name, template(image, self.name))

    def order(self, pods: list[Obj]) -> list[Obj]:
        return pods

    def anonymous(self, text: str) -> str:
        return re.sub(rf"\b{self.name}-\d{{5}}\b", f"{self.name}-<P>", text)

    def move(self, move: list[str]) -> list[str]:
        return [move[0], self.anonymous(move[1]), self.world.mark(move[2])]

    def event(self, text: str) -> str:
        return self.anonymous(super().event(text))

    def revision(self, pod: Obj) -> str:
        return self.world.mark(objects.labels(pod)[POD_LABEL])

    def counted(self, pods: list[Obj]) -> Any:
        counts: dict[str, int] = {}
        for pod in pods:
            counts[self.revision(pod)] = counts.get(self.revision(pod), 0) + 1
        return counts

    def end(self) -> Obj:
        pods: dict[str, dict[str, int]] = {}
        for pod in self.world.pods():
            state = "terminating" if objects.is_deleting(pod) else "ready" if is_ready(pod) else "not ready"
            counts = pods.setdefault(self.revision(pod), {})
            counts[state] = counts.get(state, 0) + 1
        return {"status": self.world.get("DaemonSet", self.name)["status"], "pods": pods}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_a_recorded_rollout_is_played_the_same_way_step_by_step(path: Path) -> None:
    recording, world = read(path), daemon_world(4)
    assert_alike(DaemonPlayer(recording, world).lockstep(), recording["lockstep"])


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_a_recorded_rollout_is_played_the_same_way_by_the_clock(path: Path) -> None:
    recording, world = read(path), daemon_world(4)
    assert_alike(DaemonPlayer(recording, world).free(), recording["free"])
