"""How long kubelets may use what they have read is said on every node."""

from __future__ import annotations

import pytest

from tests.worlds.memory import World
from wherry.api.objects import Obj, annotations_of
from wherry.controllers.node_ttl import NodeTTLController
from wherry.rules.placing.node_lifecycle.ttl import TTL, next_step


@pytest.mark.parametrize(("before", "nodes", "after"), [
    (0, 1, 0), (0, 100, 0), (0, 101, 1), (1, 95, 1), (1, 89, 0), (0, 5000, 4), (4, 1800, 4), (4, 1799, 3), (4, 3, 0),
])  # fmt: skip
def test_steps_are_kept_until_they_are_clearly_left(before: int, nodes: int, after: int) -> None:
    assert next_step(before, nodes) == after


def test_every_node_says_it_once() -> None:
    def node(name: str) -> Obj:
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}}

    world = World(NodeTTLController, "Node")
    for number in range(101):
        world.create(node(f"n{number}"))
        world.settle()
    assert annotations_of(world.get("Node", "n0")) == {TTL: "0"}
    assert annotations_of(world.get("Node", "n100")) == {TTL: "15"}
    assert world.writes == 101
