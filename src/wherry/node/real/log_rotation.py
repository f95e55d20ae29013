"""Logs that have grown too large are put aside: renamed, the one before compressed, the oldest removed.

Started by the real nodes; a look every `containerLogMonitorInterval`. Only logs of containers that run are looked at. `kubectl logs` reads
the newest file alone. Source: pkg/kubelet/logs/container_log_manager.go; https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from wherry.kit.clock import Clock
from wherry.node.engine import Engine, NoSuchContainer, Unavailable
from wherry.rules.pods.kubelet.configuration import KubeletConfiguration

log = logging.getLogger(__name__)

_COMPRESSED, _UNFINISHED = ".gz", ".tmp"


class LogRotation:
    """`running`: the log of each container that runs, by id."""

    def __init__(self, engine: Engine, clock: Clock, configuration: KubeletConfiguration,
                 running: Callable[[], Mapping[str, Path]]) -> None:
        self._engine, self._clock, self._configuration, self._running = engine, clock, configuration, running

    async def run(self) -> None:
        while self._configuration.log_size >= 0:  # less than 0 says: never
            await self._clock.sleep(self._configuration.log_look)
            await self.look()

    async def look(self) -> None:
        for id_, path in list(self._running().items()):
            try:
                if path.stat().st_size >= self._configuration.log_size:
                    await self._rotate(id_, path)
            except (OSError, NoSuchContainer, Unavailable) as error:
                log.warning("log %s is not put aside: %s", path, error)

    async def _rotate(self, id_: str, path: Path) -> None:
        at = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._clock.now()))
        aside = await asyncio.to_thread(put_aside, path, self._configuration.log_files, at)
        try:
            await self._engine.reopen_log(id_)
        except BaseException:
            os.rename(aside, path)
            raise


def put_aside(path: Path, most: int, at: str) -> Path:
    """Its new name. Of `most` files the oldest go, the others are compressed. Blocking. Raises OSError."""
    there = sorted(path.parent.glob(f"{path.name}.*"))
    for file in there:
        if file.name.endswith(_UNFINISHED):
            file.unlink(missing_ok=True)
    kept = [file for file in there if not file.name.endswith(_UNFINISHED)]
    excess = max(len(kept) - max(most - 2, 0), 0)
    for file in kept[:excess]:
        file.unlink(missing_ok=True)
    for file in kept[excess:]:
        if not file.name.endswith(_COMPRESSED):
            _compress(file)
    return path.rename(path.with_name(f"{path.name}.{at}"))


def _compress(file: Path) -> None:
    new = file.with_name(file.name + _COMPRESSED + _UNFINISHED)
    with file.open("rb") as source, gzip.open(new, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target)
    new.rename(file.with_name(file.name + _COMPRESSED))
    file.unlink()
