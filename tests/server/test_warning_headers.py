"""Warnings of a reply: each once, cut when they are many, and none beyond 4,096 characters."""

from __future__ import annotations

import random
from typing import Any

from wherry.rules.pods.container_warnings import _struct, port_warnings
from wherry.server.rendering import warning_headers


def test_few_are_sent_whole_and_once() -> None:
    assert warning_headers(["a", "", "b" * 4000, "a"]) == [("Warning", '299 - "a"'), ("Warning", f'299 - "{"b" * 4000}"')]


def test_many_are_cut_and_end_at_the_limit() -> None:
    sent = warning_headers(f"{i:04d}" + "x" * 500 for i in range(1000))
    assert {len(value) for _, value in sent} == {256 + len('299 - ""')}
    assert len(sent) == 4096 // 256


def test_short_ones_end_at_the_limit_too() -> None:
    assert len(warning_headers(f"{i:08d}" for i in range(10_000))) == 4096 // 8 + 1


def test_ports_that_all_collide_make_no_more_warnings_than_a_reply_holds() -> None:
    spec = {"containers": [{"name": f"c{i}", "ports": [{"containerPort": 80}]} for i in range(5000)]}
    assert 64 <= len(port_warnings(spec, "spec")) < 300


def test_collisions_are_those_of_a_look_at_every_pair() -> None:
    rng = random.Random(5)
    for _ in range(200):
        ports: list[dict[str, Any]] = [
            {"containerPort": rng.choice([1, 2]), "hostPort": rng.choice([0, 0, 7, 8]),
             "hostIP": rng.choice(["", "", "1.1.1.1", "2.2.2.2"])}
            for _ in range(rng.randint(1, 7))
        ]
        found = port_warnings({"containers": [{"ports": ports}]}, "spec")
        assert found == pairs(ports)[: len(found)]
        assert len(found) == len(pairs(ports)) or len(found) > 30


def pairs(ports: list[dict[str, Any]]) -> list[str]:
    """Written the long way: every port against those before it."""
    found = []
    for i, port in enumerate(ports):
        at = f"spec.containers[0].ports[{i}]"
        if port["hostIP"] and not port["hostPort"]:
            found.append(f"{at}: hostIP set without hostPort: {_struct(port)}")
        for j, other in enumerate(ports[:i]):
            if port["containerPort"] != other["containerPort"]:
                continue
            if (port["hostIP"], port["hostPort"]) == (other["hostIP"], other["hostPort"]):
                how = "duplicate"
            elif not port["hostPort"] or not other["hostPort"]:
                how = "overlapping"
            elif port["hostPort"] == other["hostPort"] and bool(port["hostIP"]) != bool(other["hostIP"]):
                how = "dangerously ambiguous"
            else:
                continue
            found.append(f"{at}: {how} port definition with spec.containers[0].ports[{j}]")
    return found
