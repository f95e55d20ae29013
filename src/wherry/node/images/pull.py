"""Pulling an image: manifest (for this platform), configuration, then its layers, several at once, each going on where it was broken off.

Called by `Images.pull`. Whatever goes wrong is told in the words of containerd; what came of layers stays for the next try. Invariant: only
what has the digest it was asked for gets into the store.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import aiohttp

from wherry.node.images import manifests
from wherry.node.images.manifests import Blob, Manifest, ManifestError
from wherry.node.images.names import Name
from wherry.node.images.registry import Registry, RegistryError
from wherry.node.images.store import ImageStore, Stored

#: layers at once
AT_ONCE = 4
#: tries in a row that bring nothing new
_TRIES = 5
_CHUNK = 256 << 10
_LOOK_AGAIN = 0.1


class Pulling:
    """One pull from one registry. `progress`: called with bytes that are there and bytes in all."""

    def __init__(self, store: ImageStore, registry: Registry, name: Name, progress: Callable[[int, int], None]) -> None:
        self._store = store
        self._registry = registry
        self._name = name
        self._progress = progress
        self._there: dict[str, int] = {}
        self._whole = 0
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> Stored:
        """Raises RegistryError, ManifestError, OSError."""
        digest, data = await self._manifest(self._name.reference)
        content = manifests.load(data, "the manifest")
        chosen = manifests.choose(content, manifests.architecture())
        asked = digest
        if chosen is not None:
            digest, data = await self._manifest(chosen.digest)
            content = manifests.load(data, "the manifest")
        manifest = manifests.manifest(content)
        config = await self._config(manifest.config)
        await self._layers(manifest)
        self._store.put_blob(digest, data)
        self._store.put_blob(manifest.config.digest, config)
        tagged = [str(self._name._replace(digest=""))] if self._name.tag else []
        return self._store.add(manifests.stored(config, digest, manifest.layers, tagged, [f"{self._name.repository}@{asked}"]))

    async def _manifest(self, reference: str) -> tuple[str, bytes]:
        data = await self._registry.manifest(reference)
        digest = manifests.digest_of(data)
        if reference.startswith("sha256:") and digest != reference:
            raise ManifestError(f"failed size validation: the manifest {reference} has the digest {digest}")
        return digest, data

    async def _config(self, blob: Blob) -> bytes:
        if self._store.has_blob(blob.digest):
            return self._store.blob(blob.digest).read_bytes()
        data = await self._registry.text_blob(blob.digest)
        if manifests.digest_of(data) != blob.digest:
            raise ManifestError(f"unexpected commit digest {manifests.digest_of(data)}, expected {blob.digest}: failed precondition")
        return data

    # --- layers ---
    async def _layers(self, manifest: Manifest) -> None:
        self._whole = sum(layer.size for layer in set(manifest.layers))
        tasks = [asyncio.ensure_future(self._layer(layer)) for layer in dict.fromkeys(manifest.layers)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _layer(self, blob: Blob) -> None:
        async with self._slots:
            while not self._store.has_blob(blob.digest):
                async with _alone(self._store.partial(blob.digest)) as file:
                    # it may be whole, or given up and removed, since this waited for its turn
                    if os.fstat(file.fileno()).st_nlink and not self._store.has_blob(blob.digest):
                        await self._fetch(blob, file)
        self._tell(blob, blob.size)

    async def _fetch(self, blob: Blob, file: IO[bytes]) -> None:
        """With tries as long as each brings something."""
        fruitless = 0
        while True:
            before = os.fstat(file.fileno()).st_size
            try:
                if before != blob.size:
                    await self._fetch_rest(blob, file, before)
                break
            except RegistryError as error:
                fruitless = 0 if os.fstat(file.fileno()).st_size > before else fruitless + 1
                if error.status or fruitless >= _TRIES:
                    raise
        partial = self._store.partial(blob.digest)
        found = await asyncio.to_thread(_digest, partial)
        if found != blob.digest:
            partial.unlink()
            raise ManifestError(f"unexpected commit digest {found}, expected {blob.digest}: failed precondition")
        self._store.keep(blob.digest, partial)

    async def _fetch_rest(self, blob: Blob, file: IO[bytes], start: int) -> None:
        async with await self._registry.blob(blob.digest, start) as answer:
            if answer.status != 206 or start > blob.size:
                start = 0
                file.truncate(0)
            file.seek(start)
            try:
                async for data in answer.content.iter_chunked(_CHUNK):
                    start += len(data)
                    if start > blob.size:
                        file.truncate(0)
                        raise ManifestError(f"the layer {blob.digest} is larger than the {blob.size} bytes that the manifest says")
                    file.write(data)
                    self._tell(blob, start)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                file.flush()
                raise RegistryError(f"failed to copy: {answer.url}: {error or 'nothing came in time'}") from error
        file.flush()
        if start < blob.size:
            raise RegistryError(f"failed to copy: {answer.url}: it ended after {start} of {blob.size} bytes")

    def _tell(self, blob: Blob, count: int) -> None:
        self._there[blob.digest] = count
        self._progress(sum(self._there.values()), self._whole)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[IO[bytes]]:
    """The file to be written on, when no other pull, of this or another process, writes it."""
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            file.close()
            await asyncio.sleep(_LOOK_AGAIN)
    with file:
        yield file
