"""The controller dies before each of its writes in turn: the end and the number of pods made must be as without the crash."""

from __future__ import annotations

from collections.abc import Callable

from tests.worlds.memory import World, is_ready
from wherry.api import objects
from wherry.api.objects import Obj

Story = Callable[[World], None]


def run_pods(world: World, rounds: int = 60) -> None:
    """Nodes do their work until nothing moves any more."""
    for _ in range(rounds):
        world.settle()
        going = world.pods(going=True)
        waiting = [p for p in world.pods(going=False) if not is_ready(p)]
        for pod in going:
            world.finish("Pod", objects.name(pod))
        for pod in waiting:
            world.set_pod(objects.name(pod), ready=True)
        if not going and not waiting:
            return
    raise AssertionError("it never comes to rest")


def _said(obj: Obj) -> Obj:
    """What an object is, without what only counts writes."""
    hidden = ("resourceVersion", "uid", "creationTimestamp")
    metadata = {k: v for k, v in obj["metadata"].items() if k not in (*hidden, "ownerReferences")}
    return {k: v for k, v in obj.items() if k != "metadata"} | metadata


def _end(world: World, story: Story) -> tuple[dict[str, Obj], int]:
    story(world)
    made = sum(move[0] == "created" for move in world.moves)
    return {f"{kind} {name}": _said(obj) for (kind, name), obj in world.objects.items() if kind != "Pod"}, made


def assert_crashes_change_nothing(new_world: Callable[[], World], story: Story) -> int:
    """Gives how many crashes there were."""
    world = new_world()
    expected = _end(world, story)
    for at in range(world.writes):
        crashing = new_world()
        crashing.crash_after = at
        assert _end(crashing, story) == expected, f"after a crash before write {at}"
        assert crashing.crash_after is None
    return world.writes
