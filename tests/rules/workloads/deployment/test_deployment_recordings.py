"""The rules move ReplicaSets as the reference did in the recorded rollouts: the same moves, events and ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.rules.workloads.deployment.workload_world import World, deployment, template
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.deployment import annotations as notes

RECORDINGS = sorted((Path(__file__).parents[3] / "golden" / "rollouts").glob("deployment-*.json"))
COMBINED = "(combined from similar events): "


class Player:
    """Plays a recording's script and writes down the same things as the recorder did."""

    def __init__(self, recording: Obj) -> None:
        self.name, self.spec = recording["name"], recording["spec"]
        self.script = recording["script"]
        self.world = World()
        self.steps: list[Obj] = []

    def mark(self, name: str) -> str:
        return f"{self.name}-<RS{self.world.created.index(name) + 1}>"

    def step(self, do: Obj) -> None:
        self.world.moves.clear()
        self.world.events.clear()
        self.settle()
        self.steps.append({"do": do, "moves": self.moves(), "events": self.events(), "end": self.end()})

    def settle(self) -> None:
        self.world.settle()
        self.world.now += 1 + self.spec.get("minReadySeconds", 0)
        self.world.settle()

    def moves(self) -> list[list[Any]]:
        return [[self.mark(name), size, revision] for name, size, revision in self.world.moves]

    def events(self) -> list[str]:
        found = []
        for event in self.world.events:
            for name in self.world.created:
                event = event.replace(name, self.mark(name))
            found.append(event.removeprefix("ScalingReplicaSet: "))
        return found

    def end(self) -> Obj:
        top = self.world.get("Deployment", self.name)
        status = dict(top["status"])
        conditions = sorted([c["type"], c["status"], c["reason"]] for c in status.pop("conditions"))
        sets = {self.mark(objects.name(rs)): self.replica_set(rs) for rs in self.world.all("ReplicaSet")}
        return {"status": status, "conditions": conditions, "revision": objects.annotations_of(top)[notes.REVISION], "replicasets": sets}

    @staticmethod
    def replica_set(rs: Obj) -> Obj:
        said = {k.rpartition("/")[2]: v for k, v in objects.annotations_of(rs).items()}
        counted = {k: v for k, v in rs["status"].items() if k not in ("observedGeneration", "conditions")}
        return {"spec.replicas": rs["spec"]["replicas"], **said, **counted}

    def user(self, verb: str, args: list[Any]) -> Obj:
        """What the script's user does."""
        match verb, args:
            case "create", [image]:
                self.world.create(deployment(self.name, image, **self.spec))
            case "image", [image]:
                self.world.edit("Deployment", self.name, template=template(image, self.name))
            case "spec", [changes]:
                self.world.edit("Deployment", self.name, **changes)
            case _:
                raise AssertionError(f"unknown in a script: {verb}")
        return {verb: args[0]}


class Lockstep(Player):
    """Nodes act one step at a time, and only when the controllers are quiet."""

    def act(self) -> Obj | None:
        """Finish all terminating pods, else make the oldest unready pod Ready; None when there is nothing to do."""
        pods = self.world.all("Pod")
        if going := [p for p in pods if objects.is_deleting(p)]:
            return {"finish": self.count(going, lambda p: self.world.finish(objects.name(p)))}
        waiting = [p for p in pods if ":999." not in p["spec"]["containers"][0]["image"] and "conditions" not in p["status"]]
        if not waiting:
            return None
        chosen = waiting if len(self.steps) == 1 else waiting[:1]
        return {"ready": self.count(chosen, lambda p: self.world.set_pod(objects.name(p), ready=True))}

    def count(self, pods: list[Obj], act: Any) -> dict[str, int]:
        counts: dict[str, int] = {}
        for pod in pods:
            owner = self.mark(objects.controller_of(pod)["name"])  # type: ignore[index]
            counts[owner] = counts.get(owner, 0) + 1
            act(pod)
        return counts

    def play(self) -> list[Obj]:
        for verb, *args in self.script:
            if verb == "run":
                left = args[0] if args else 1000
                while left and (do := self.act()) is not None:
                    self.step(do)
                    left -= 1
            else:
                self.step(self.user(verb, args))
        return self.steps


class Free(Player):
    """Nodes act by the clock: a pod is Ready `delay` seconds after its creation, and gone a quarter of that after its deletion."""

    def __init__(self, recording: Obj) -> None:
        super().__init__(recording)
        self.delay = recording["delay"]
        self.due: dict[tuple[str, str], float] = {}  # what a node does to a pod, and when

    def settle(self) -> None:
        while True:
            self.world.settle()
            self.plan_pods()
            again = [(self.world.now + wait, ("look", name)) for name, wait in self.world.requeue.items() if wait is not None and wait < 60]
            if not (coming := sorted(again + [(at, what) for what, at in self.due.items()])):
                return
            self.world.now, (what, name) = coming[0]
            self.due.pop((what, name), None)
            if what == "ready":
                self.world.set_pod(name, ready=True)
            elif what == "finish":
                self.world.finish(name)

    def plan_pods(self) -> None:
        for pod in self.world.all("Pod"):
            name = objects.name(pod)
            if objects.is_deleting(pod):
                self.due.pop(("ready", name), None)
                self.due.setdefault(("finish", name), self.world.now + self.delay / 4)
            elif ":999." not in pod["spec"]["containers"][0]["image"] and "conditions" not in pod["status"]:
                self.due.setdefault(("ready", name), self.world.now + self.delay)

    def play(self) -> list[Obj]:
        for verb, *args in self.script:
            if verb != "run":
                self.step(self.user(verb, args))
        return self.steps


def expected(step: Obj) -> Obj:
    end = dict(step["end"])
    end["conditions"] = sorted(end["conditions"])
    events = [e.removeprefix(COMBINED) for e in step["events"]]
    return {"do": step["do"], "moves": step["moves"], "events": events, "end": end}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_a_recorded_rollout_is_played_the_same_way_step_by_step(path: Path) -> None:
    recording = json.loads(path.read_text())
    steps = Lockstep(recording).play()
    assert [s["do"] for s in steps] == [s["do"] for s in recording["lockstep"]]
    for step, recorded in zip(steps, recording["lockstep"], strict=True):
        assert step == expected(recorded)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_a_recorded_rollout_is_played_the_same_way_by_the_clock(path: Path) -> None:
    recording = json.loads(path.read_text())
    steps = Free(recording).play()
    for step, recorded in zip(steps, recording["free"], strict=True):
        ours, theirs = step, expected(recorded)
        if "also" in recorded:  # pods that become Ready together: chance decides what the controllers see first
            ours, theirs = ours["end"], theirs["end"]
        assert ours == theirs
