"""Score: nodes that have the pod's images already, the larger and the more widespread the better.

Nodes that report no images (the simulated ones have every image) say nothing.
Source of the rule: pkg/scheduler/framework/plugins/imagelocality.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.plugin import MAX_SCORE
from wherry.rules.placing.scheduling.snapshot import Snapshot

_MEGABYTE = 1024 * 1024
_LEAST = 23 * _MEGABYTE
_MOST_PER_CONTAINER = 1000 * _MEGABYTE


def _named(image: str) -> str:
    """With the tag that goes without saying."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"


def _images(spec: Obj) -> tuple[list[str], int]:
    """What the pod needs, and how many containers it has."""
    containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
    volumes = [v["image"]["reference"] for v in spec.get("volumes") or () if (v.get("image") or {}).get("reference")]
    return [_named(c.get("image") or "") for c in containers] + [_named(v) for v in volumes], len(containers)


class ImageLocality:
    name = "ImageLocality"

    def __init__(self, weight: int = 1) -> None:
        self.weight = weight

    def values(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> list[int] | None:
        if not snapshot.images:
            return None
        wanted, containers = _images(info.pod["spec"])
        most, total = _MOST_PER_CONTAINER * containers, len(snapshot.order)
        spread = {image: snapshot.images[image] / total for image in wanted if snapshot.images[image]}
        if not spread:
            return None
        scores = []
        for i in candidates:
            there = snapshot.order[i].images
            size = sum(int(there[image] * spread[image]) for image in wanted if image in there)
            scores.append(MAX_SCORE * (min(max(size, _LEAST), most) - _LEAST) // (most - _LEAST))
        return scores
