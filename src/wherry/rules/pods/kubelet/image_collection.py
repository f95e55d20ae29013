"""Which images of a node go: those that nothing uses, when its disk is fuller than a threshold, or when they are too old.

Called by the node every five minutes, and when its disk is under pressure. Who was not used for longest goes first, and of those the one
that is there for longest. Source: pkg/kubelet/images/image_gc_manager.go; https://kubernetes.io/docs/concepts/architecture/garbage-collection/#containers-images.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from wherry.rules.pods.kubelet.configuration import KubeletConfiguration


@dataclass(frozen=True, slots=True)
class Kept:
    """An image that is there: first seen, and last seen in use (0: never)."""

    id: str
    size: int
    first: float
    used: float = 0.0


def seen(before: Mapping[str, Kept], there: Mapping[str, int], in_use: Collection[str], now: float) -> dict[str, Kept]:
    """`there`: sizes by id."""
    found = {}
    for id_, size in there.items():
        old = before.get(id_)
        found[id_] = Kept(id_, size, old.first if old else now, now if id_ in in_use else old.used if old else 0.0)
    return found


def too_old(images: Mapping[str, Kept], configuration: KubeletConfiguration, now: float, began: float) -> list[Kept]:
    """Not used for longer than the greatest age; nobody knows that before the node has run that long."""
    if not configuration.image_most_age or now - began <= configuration.image_most_age:
        return []
    return [image for image in _in_order(images) if now - image.used > configuration.image_most_age]


def to_free(configuration: KubeletConfiguration, available: int, capacity: int) -> int:
    """Bytes that are too many on the disk of images: down to the low threshold, when it is over the high one. 100 is never."""
    if not capacity or configuration.image_high >= 100 or 100 - available * 100 // capacity < configuration.image_high:
        return 0
    return max(capacity * (100 - configuration.image_low) // 100 - available, 0)


def freeing(images: Mapping[str, Kept], configuration: KubeletConfiguration, wanted: int | None, now: float) -> list[Kept]:
    """As many as it takes for so many bytes (None: all that may go)."""
    chosen: list[Kept] = []
    for image in _in_order(images):
        if wanted is not None and sum(each.size for each in chosen) >= wanted:
            break
        if image.used < now and now - image.first >= configuration.image_least_age:
            chosen.append(image)
    return chosen


def not_enough(available: int, capacity: int, freed: int) -> str:
    """Of the event FreeDiskSpaceFailed."""
    percent = 100 - available * 100 // capacity
    return (f"Insufficient free disk space on the node's image filesystem ({percent}% of {_size(capacity)} used). "
            f"Failed to free sufficient space by deleting unused images (freed {freed} bytes). "
            "Investigate disk usage, as it could be used by active images, logs, volumes, or other data.")


def _in_order(images: Mapping[str, Kept]) -> Sequence[Kept]:
    return sorted(images.values(), key=lambda image: (image.used, image.first))


def _size(amount: int) -> str:
    value, units = float(amount), ("B", "KiB", "MiB", "GiB", "TiB")
    for unit in units:
        if value < 1024 or unit == units[-1]:
            return f"{value:.1f} {unit}"
        value /= 1024
    return ""
