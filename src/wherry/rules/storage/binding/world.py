"""What the rules of volumes may look up: claims, volumes, classes, pods. Built by the controllers on their informers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wherry.api.objects import Obj

Find = Callable[[str], Obj | None]


@dataclass(frozen=True, slots=True)
class World:
    """`claim` by `namespace/name`, `volume` and `storage_class` by name."""

    claim: Find
    volume: Find
    storage_class: Find
    classes: Callable[[], Iterable[Obj]]
    #: volumes of the claim's class that nobody has, and those reserved for it
    candidates: Callable[[Obj], Iterable[Obj]]
    #: pods that use the claim of that key
    pods_of: Callable[[str], Iterable[Obj]]
