"""How many bytes containers wrote beside volumes: what their pod's scratch space holds.

Called with each look at what is used, so it has to be quick: the space of a pod is one file system, which knows how full it is. Only where
several containers share it are their folders walked, up to a number of files; what is left over then belongs to those that have more.
"""

from __future__ import annotations

import os

from wherry.node.process.helper.state import Pod

_BLOCK = 512
_MOST_FILES = 2000


def by_container(pod: Pod) -> dict[str, int]:
    if not pod.folder or not pod.containers:
        return {}
    space = os.statvfs(pod.folder)
    whole = (space.f_blocks - space.f_bfree) * space.f_frsize
    if len(pod.containers) == 1:
        return dict.fromkeys(pod.containers, whole)
    walked = {id: _walk(container.folder) for id, container in pod.containers.items()}
    unknown = [id for id, (_, complete) in walked.items() if not complete]
    more = max(whole - sum(size for size, _ in walked.values()), 0) // len(unknown) if unknown else 0
    return {id: size + (0 if complete else more) for id, (size, complete) in walked.items()}


def _walk(folder: str) -> tuple[int, bool]:
    """Bytes of what was seen, and whether that was all."""
    total, files, below = 0, 0, [folder]
    while below:
        try:
            entries = list(os.scandir(below.pop()))
        except OSError:
            continue
        for entry in entries:
            files += 1
            if files > _MOST_FILES:
                return total, False
            try:
                total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.path)
            except OSError:
                continue
    return total, True
