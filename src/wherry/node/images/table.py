"""Image names that need no image: `host` is the machine's own file system, copy on write; a table says which names stand for it. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.node.engine import Image, ImageConfig

HOST = "host"
HOST_IMAGE = Image("host", (HOST,), (), 0, ImageConfig(command=("sleep", "infinity")))


@dataclass(frozen=True, slots=True)
class Table:
    """Globs of names as they stand in a pod (`busybox*`) -> what stands for them; the first that fits counts. Raises ValueError."""

    rows: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for glob, meaning in self.rows.items():
            if meaning != HOST:
                raise ValueError(f"image table: {glob}: {meaning!r} is not known; there is: {HOST}")

    def is_host(self, name: str) -> bool:
        return name in (HOST, f"{HOST}:latest") or any(fnmatch.fnmatchcase(name, glob) for glob in self.rows)
