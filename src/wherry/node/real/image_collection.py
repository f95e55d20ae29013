"""The images of the node: which are there, as its status says, and which go because nothing uses them.

Started by the real nodes: the list is renewed every half minute, images are collected every five minutes, and all that may go when the disk
is under pressure. Rules decide (`rules.pods.kubelet.image_collection`).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from wherry.api.objects import Obj
from wherry.kit.clock import Clock
from wherry.node.engine import Engine, Unavailable
from wherry.rules.pods.kubelet import image_collection as rules
from wherry.rules.pods.kubelet.configuration import KubeletConfiguration
from wherry.rules.pods.kubelet.image_collection import Kept
from wherry.rules.pods.kubelet.node_object import listed_images

log = logging.getLogger(__name__)

_LIST_EVERY, _COLLECT_EVERY = 30.0, 300.0
_FAILED = "FreeDiskSpaceFailed"


class ImageCollection:
    """`in_use`: ids of the images of all containers there are; `tell`: type, reason and message of an event of the node.

    `folder`: on the images' disk. `listed` is what the node's status says.
    """

    def __init__(self, engine: Engine, clock: Clock, configuration: KubeletConfiguration, folder: Path, in_use: Callable[[], set[str]],
                 tell: Callable[[str, str, str], None]) -> None:
        self._engine, self._clock, self._configuration, self._folder = engine, clock, configuration, folder
        self._in_use, self._tell = in_use, tell
        self._known: dict[str, Kept] = {}
        self._began = self._looked = clock.now()
        self.listed: list[Obj] = []

    async def run(self) -> None:
        collected = self._clock.now()
        while True:
            try:
                await self.look()
                if self._clock.now() - collected >= _COLLECT_EVERY:
                    collected = self._clock.now()
                    await self.collect()
            except (OSError, Unavailable) as error:
                log.warning("images are not looked at: %s", error)
            await self._clock.sleep(_LIST_EVERY)

    async def look(self) -> None:
        """Which there are. Raises Unavailable."""
        images = await self._engine.images()
        self.listed = listed_images(((*image.digests, *image.names), image.size) for image in images)
        self._looked = self._clock.now()
        self._known = rules.seen(self._known, {image.id: image.size for image in images}, self._in_use(), self._looked)

    async def collect(self) -> None:
        """What is too old goes, and what the disk is too full for. Raises OSError, Unavailable."""
        await self.look()
        await self._remove(rules.too_old(self._known, self._configuration, self._looked, self._began))
        disk = await asyncio.to_thread(os.statvfs, self._folder)
        available, capacity = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        wanted = rules.to_free(self._configuration, available, capacity)
        if wanted:
            freed = await self._remove(rules.freeing(self._known, self._configuration, wanted, self._looked))
            if freed < wanted:
                self._tell("Warning", _FAILED, rules.not_enough(available, capacity, freed))

    async def free(self) -> int:
        """All that nothing uses goes: bytes. Raises Unavailable."""
        await self.look()
        return await self._remove(rules.freeing(self._known, self._configuration, None, self._looked))

    async def _remove(self, images: list[Kept]) -> int:
        for image in images:
            log.info("image %s goes: nothing uses it", image.id)
            await self._engine.remove_image(image.id)
            self._known.pop(image.id, None)
        return sum(image.size for image in images)
