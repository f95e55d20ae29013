"""Control groups that runtimes leave behind: they make a pod's own group for its first container, and nobody removes it.

Used by the engine when a pod is gone. Where systemd keeps the groups, it forgets empty slices by itself.
Source: pkg/kubelet/cm/pod_container_manager_linux.go (Destroy).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
#: seconds for which a group may be busy, and between two tries
_PATIENCE, _LOOK = 1.0, 0.01


def remove(parent: str, root: Path = _ROOT) -> None:
    """`parent`: a path as in `resources.parent`; also those above it that are empty then. What is in use stays. Blocks for a moment."""
    if not parent.startswith("/"):
        return
    one = (root / "cgroup.controllers").exists()
    tops = [root] if one else [each for each in root.glob("*") if each.is_dir() and not each.is_symlink()]
    for top in tops:
        folder = top / parent.removeprefix("/")
        if not _remove(folder, patience=_PATIENCE):
            continue
        while (folder := folder.parent) != top and _remove(folder):
            pass


def _remove(folder: Path, patience: float = 0.0) -> bool:
    """Whether it is gone; for a moment a group is still busy with what has just ended in it."""
    until = time.monotonic() + patience
    while True:
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return True
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK)
        else:
            return True
