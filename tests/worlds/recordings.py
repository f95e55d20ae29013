"""Plays a recorded rollout's script on a world and writes down the same things as the recorder did."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from tests.worlds.memory import World, image_of, is_ready
from wherry.api import objects
from wherry.api.objects import Obj

ROLLOUTS = Path(__file__).parents[1] / "golden" / "rollouts"


def recordings(kind: str) -> list[Path]:
    return sorted(ROLLOUTS.glob(f"{kind}-*.json"))


def read(path: Path) -> Obj:
    found: Obj = json.loads(path.read_text())
    return found


class Player(ABC):
    """One kind's way to play: how its objects are made, and how its end is written down."""

    def __init__(self, recording: Obj, world: World) -> None:
        self.name, self.spec, self.script, self.delay = (recording[k] for k in ("name", "spec", "script", "delay"))
        self.world = world
        self.steps: list[Obj] = []

    @abstractmethod
    def made(self, image: str) -> Obj: ...

    @abstractmethod
    def changed(self, image: str) -> None: ...

    @abstractmethod
    def end(self) -> Obj: ...

    @abstractmethod
    def counted(self, pods: list[Obj]) -> Any: ...

    @abstractmethod
    def order(self, pods: list[Obj]) -> list[Obj]: ...

    def move(self, move: list[str]) -> list[str]:
        return [move[0], move[1], self.world.mark(move[2])]

    def event(self, text: str) -> str:
        return text.partition(": ")[2]

    def step(self, do: Obj) -> None:
        self.world.settle()
        self.world.tick(1 + self.spec.get("minReadySeconds", 0))
        self.world.settle()
        self.write_down(do)

    def write_down(self, do: Obj) -> None:
        moves, events = map(self.move, self.world.moves), map(self.event, self.world.events)
        self.steps.append({"do": do, "moves": list(moves), "events": list(events), "end": self.end()})
        self.world.moves.clear()
        self.world.events.clear()

    def user(self, verb: str, args: list[Any]) -> Obj:
        match verb, args:
            case "create", [image]:
                self.world.create(self.made(image))
            case "image", [image]:
                self.changed(image)
            case "spec", [changes]:
                self.world.edit(self.name, **changes)
            case "delete-pod", [name]:
                self.world.delete("Pod", name)
            case _:
                raise AssertionError(f"unknown in a script: {verb}")
        return {verb: args[0]}

    def waiting(self) -> list[Obj]:
        return self.order([p for p in self.world.pods(going=False) if ":999." not in image_of(p) and not is_ready(p)])

    def act(self) -> Obj | None:
        """Finish all terminating pods, else make the next unready pod Ready; None when there is nothing to do."""
        if going := self.order(self.world.pods(going=True)):
            told = {"finish": self.counted(going)}
            for pod in going:
                self.world.finish("Pod", objects.name(pod))
                self.world.settle()
            return told
        waiting = self.waiting()
        chosen = waiting if len(self.steps) == 1 else waiting[:1]
        for pod in chosen:
            self.world.set_pod(objects.name(pod), ready=True)
        return {"ready": self.counted(chosen)} if chosen else None

    def lockstep(self) -> list[Obj]:
        for verb, *args in self.script:
            if verb == "run":
                left = args[0] if args else 1000
                while left and (do := self.act()) is not None:
                    self.step(do)
                    left -= 1
            else:
                self.step(self.user(verb, args))
        return self.steps

    def free(self) -> list[Obj]:
        """Nodes act by the clock: a pod is Ready `delay` seconds after its creation, and gone a quarter of that after its deletion."""
        for verb, *args in self.script:
            if verb != "run":
                do = self.user(verb, args)
                self.run()
                self.write_down(do)
        return self.steps

    def run(self) -> None:
        due: dict[tuple[str, str], float] = {}
        self.world.settle()
        while True:
            for pod in self.world.pods():
                what, wait = ("finish", self.delay / 4) if objects.is_deleting(pod) else ("ready", self.delay)
                if what == "finish" or (not is_ready(pod) and ":999." not in image_of(pod)):
                    due.setdefault((what, objects.uid(pod)), self.world.now + wait)
            coming = [*due.values(), *self.world.again.values()]
            if not coming:
                return
            self.world.tick(max(0.0, min(coming) - self.world.now))
            self.world.settle()
            self.do_due(due)

    def do_due(self, due: dict[tuple[str, str], float]) -> None:
        for pod in self.order(self.world.pods()):
            for what in ("finish", "ready"):
                if due.get((what, objects.uid(pod)), self.world.now + 1) <= self.world.now:
                    del due[what, objects.uid(pod)]
                    self.node_acts(what, objects.name(pod))

    def node_acts(self, what: str, name: str) -> None:
        pod = self.world.objects.get(("Pod", name))
        if pod is None or (what == "ready" and objects.is_deleting(pod)):
            return
        if what == "finish":
            self.world.finish("Pod", name)
        else:
            self.world.set_pod(name, ready=True)
        self.world.settle()


def assert_alike(ours: list[Obj], theirs: list[Obj], *, any_order: bool = False) -> None:
    """Step by step the same; in any order where two runs of the reference differed, or where chance decides (pods made at once)."""
    assert [s["do"] for s in ours] == [s["do"] for s in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert our["end"] == {k: v for k, v in their["end"].items() if k != "conditions"}
        same = sorted if any_order or "also" in their else list
        assert same(our["moves"]) == same(their["moves"])
        assert same(our["events"]) == same(their["events"])
