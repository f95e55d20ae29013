"""Faults that a node's annotations ask for: lost, cut off, slow, without some images, with a clock of its own.

Started by the node agent of simulated nodes. The annotations are wherry's own and hold as long as they are there:
`wherry.dev/simulated-node: lost | cut`, `wherry.dev/simulated-slow-seconds`, `wherry.dev/simulated-image-missing` (globs, with commas),
`wherry.dev/simulated-clock-skew-seconds`; and `wherry.dev/simulated-image-present` (images, with commas), which are there for good then.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Protocol

from wherry.api.objects import Obj, annotations_of, name
from wherry.faults.pods import ImageFault, PodFaults, SlowNode
from wherry.rules.pods.kubelet.simulation import PREFIX

log = logging.getLogger(__name__)

_KEYS = tuple(PREFIX + key for key in ("node", "slow-seconds", "image-missing", "clock-skew-seconds", "image-present"))


class Agent(Protocol):
    """What this does to the node agent."""

    skew: dict[str, float]

    def fail(self, node: str) -> None: ...
    def recover(self, node: str) -> None: ...
    def cut(self, node: str) -> None: ...
    def heal(self, node: str) -> None: ...


class NodeFaults:
    """A handler of changes of nodes."""

    def __init__(self, agent: Agent, faults: PodFaults, load: Callable[[str, str], None]) -> None:
        self._agent = agent
        self._load = load
        self._faults = faults
        self._in_force: dict[str, list[ImageFault | SlowNode]] = {}

    def on_node(self, old: Obj | None, new: Obj | None) -> None:
        before, after = _asked(old), _asked(new)
        if before != after:
            self._change(name(new or old or {}), before, after)

    def _change(self, node: str, before: dict[str, str], after: dict[str, str]) -> None:
        mode = _KEYS[0]
        if before.get(mode) != after.get(mode):
            {"lost": self._agent.recover, "cut": self._agent.heal}.get(before.get(mode, ""), _nothing)(node)
            {"lost": self._agent.fail, "cut": self._agent.cut}.get(after.get(mode, ""), _nothing)(node)
        for fault in self._in_force.pop(node, ()):
            self._faults.remove(fault)
        wanted: list[ImageFault | SlowNode] = [ImageFault(image, node=node) for image in _split(after.get(_KEYS[2], ""))]
        if slow := _number(after.get(_KEYS[1], "0")):
            wanted.append(SlowNode(node, max(slow, 0.0)))
        for fault in wanted:
            self._faults.add(fault)
        self._in_force[node] = wanted
        for image in _split(after.get(_KEYS[4], "")):
            self._load(node, image)
        self._agent.skew[node] = _number(after.get(_KEYS[3], "0"))


def _asked(node: Obj | None) -> dict[str, str]:
    given = annotations_of(node) if node is not None else {}
    return {key: given[key] for key in _KEYS if key in given}


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        log.warning("%r is not a number of seconds: the annotation is not followed", text)
        return 0.0
    return value


def _nothing(node: str) -> None:
    """Neither lost nor cut."""
