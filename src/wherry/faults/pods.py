"""Faults of pods and images in force, as the simulated runtime asks for them.

`PodFaults.behaviour` lays what is in force over how a container behaves by itself; faults put in force later lie over earlier ones. The
runtime is told when that changes (`changed`), and looks again at what runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wherry.api.objects import Obj
from wherry.faults.where import Matches, glob
from wherry.rules.pods.kubelet.images import with_tag
from wherry.rules.pods.kubelet.simulation import Behaviour


@dataclass(frozen=True, slots=True, eq=False)
class PodFault:
    """`changes`: fields of `Behaviour` for the containers (a glob) of those pods."""

    pods: Matches
    changes: Mapping[str, Any]
    container: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ImageFault:
    """`seconds` None: the image does not exist; else pulling it takes that long. On the nodes (a glob) given."""

    image: str
    seconds: float | None = None
    node: str = ""

    def strikes(self, image: str, node: str) -> bool:
        return glob(self.image, with_tag(image)) and glob(self.node, node)


@dataclass(frozen=True, slots=True, eq=False)
class SlowNode:
    """Everything on it takes so many seconds longer."""

    node: str
    seconds: float


Fault = PodFault | ImageFault | SlowNode


def _nobody() -> None:
    """Nobody listens yet."""


@dataclass(slots=True)
class PodFaults:
    """All methods are called on the cluster's loop."""

    active: list[Fault] = field(default_factory=list)
    #: called after every change
    changed: Callable[[], None] = _nobody

    def add(self, fault: Fault) -> None:
        self.active.append(fault)
        self.changed()

    def remove(self, fault: Fault) -> None:
        if fault in self.active:
            self.active.remove(fault)
            self.changed()

    def missing(self, image: str, node: str) -> bool:
        return any(isinstance(f, ImageFault) and f.seconds is None and f.strikes(image, node) for f in self.active)

    def behaviour(self, base: Behaviour, pod: Obj, container: str, image: str) -> Behaviour:
        node = pod["spec"].get("nodeName", "")
        for fault in self.active:
            if isinstance(fault, PodFault):
                if glob(fault.container, container) and fault.pods(pod):
                    base = replace(base, **fault.changes)
            elif isinstance(fault, ImageFault):
                if fault.seconds is not None and fault.strikes(image, node):
                    base = replace(base, pull=fault.seconds)
            elif glob(fault.node, node):
                more = fault.seconds
                base = replace(
                    base, pull=base.pull + more, start=base.start + more, ready=base.ready + more, terminate=base.terminate + more
                )
        return base
