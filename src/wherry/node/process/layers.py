"""Unpacked layers for the file systems of containers: made by the helper when first needed, shared by all, kept while one runs on them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from wherry.node.engine import StartFailed
from wherry.node.images import zstd
from wherry.node.images.store import GONE, ImageStore, Layer, Stored, short
from wherry.node.process.client import Helper, HelperError


class Layers:
    """`_held`: what keeps a layer from being removed, and for how many containers (and pulls)."""

    def __init__(self, store: ImageStore, helper: Helper) -> None:
        self._store = store
        self._helper = helper
        self._making: dict[str, asyncio.Lock] = {}
        self._held: dict[str, list[int]] = {}

    @property
    def folder(self) -> Path:
        return self._store.layer_folder(self._helper.ids)

    async def hold(self, stored: Stored) -> str:
        """Unpacked and held until `release`; the mount's words for them, topmost first. Raises StartFailed."""
        held: list[Layer] = []
        try:
            for layer in stored.layers:
                self._take(layer)
                held.append(layer)
            await asyncio.gather(*(self._unpack(layer) for layer in dict.fromkeys(stored.layers)))
        except BaseException:
            for layer in held:
                self._give_back(layer)
            raise
        return ":".join(short(layer.diff) for layer in reversed(stored.layers)) or self._empty()

    async def discard(self) -> None:
        """Remove what is left of layers that only the helper may remove."""
        for path in self.folder.glob(f"*{GONE}"):
            with contextlib.suppress(HelperError):
                await self._helper.ask("discard", path=str(path))

    def release(self, stored: Stored) -> None:
        for layer in stored.layers:
            self._give_back(layer)

    def close(self) -> None:
        for descriptor, _ in self._held.values():
            os.close(descriptor)
        self._held.clear()

    async def _unpack(self, layer: Layer) -> None:
        target = self.folder / short(layer.diff)
        async with self._making.setdefault(layer.diff, asyncio.Lock()):
            if target.exists():
                return
            growing = target.with_suffix(f".{os.getpid()}")
            blob, plain = self._store.blob(layer.blob), growing.with_suffix(f"{growing.suffix}.tar")
            try:
                if await asyncio.to_thread(zstd.made_plain, blob, plain):
                    blob = plain
                await self._helper.ask("unpack", blob=str(blob), target=str(growing), diff=layer.diff)
            except (HelperError, OSError, ValueError) as error:
                why = error.text if isinstance(error, HelperError) else error
                raise StartFailed("CreateContainerError", f"failed to unpack layer {layer.diff}: {why}") from error
            finally:
                plain.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # another cluster was first
                growing.rename(target)

    def _take(self, layer: Layer) -> None:
        held = self._held.get(layer.diff)
        if held:
            held[1] += 1
        else:
            self._held[layer.diff] = [self._store.hold(self._helper.ids, layer.diff), 1]

    def _give_back(self, layer: Layer) -> None:
        held = self._held.get(layer.diff)
        if held:
            held[1] -= 1
            if not held[1]:
                os.close(held[0])
                del self._held[layer.diff]

    def _empty(self) -> str:
        """For an image without layers."""
        (self.folder / "empty").mkdir(exist_ok=True)
        return "empty"
