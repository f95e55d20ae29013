"""What simulated containers use: what their pod's annotations say, or a plausible share of what they request, always the same.

Called by `objects`. `wherry.dev/cpu: 250m` and `wherry.dev/memory: 64Mi` are what the whole pod uses, shared among its containers by their
requests; `wherry.dev/cpu.<container>` is what one container uses. Values that are no quantities are passed over.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj, annotations_of, name, namespace

PREFIX = "wherry.dev/"
RESOURCES = ("cpu", "memory")
_MILLI, _MEBI = 10**6, 2**20 * 10**9
#: nano-units of a container that requests nothing
_IDLE = {"cpu": _MILLI, "memory": 8 * _MEBI}
#: the share of its request that a container uses, in percent: from, and how many more at most
_SHARES = {"cpu": (5, 10), "memory": (30, 20)}


def _nano(text: object) -> int | None:
    try:
        found = quantity.nano(str(text))
    except ValueError:
        return None
    return found if found >= 0 else None


def _requested(container: Mapping[str, Any], resource: str) -> int:
    return _nano(((container.get("resources") or {}).get("requests") or {}).get(resource, "0")) or 0


def _guessed(pod: Obj, container: Mapping[str, Any], resource: str) -> int:
    asked = _requested(container, resource)
    if not asked:
        return _IDLE[resource]
    least, more = _SHARES[resource]
    chance = zlib.crc32(f"{namespace(pod)}/{name(pod)}/{container['name']}".encode()) % (more + 1)
    return asked * (least + chance) // 100


def of_pod(pod: Obj, containers: list[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Nano-units of each resource by container, of those that run."""
    notes = annotations_of(pod)
    found: dict[str, dict[str, int]] = {c["name"]: {} for c in containers}
    for resource in RESOURCES:
        total = _nano(notes[PREFIX + resource]) if PREFIX + resource in notes else None
        asked = {c["name"]: _requested(c, resource) for c in containers}
        whole = sum(asked.values())
        for container in containers:
            called = container["name"]
            own = _nano(notes[f"{PREFIX}{resource}.{called}"]) if f"{PREFIX}{resource}.{called}" in notes else None
            if own is None and total is not None:
                own = total * asked[called] // whole if whole else total // len(containers)
            found[called][resource] = _guessed(pod, container, resource) if own is None else own
    return found
