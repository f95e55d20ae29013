"""Images kept by digest in a folder that the nodes of any number of clusters share: blobs, an index of images, unpacked layers.

    blobs/sha256/DIGEST      manifests, configurations, layers as they came
    index.json               image id -> names, digests, layers
    unpacked/IDS/DIFF        layers as folders, by which ids their files belong to (`node.process`)

Invariant: the index only names what is there; it is replaced as a whole, under a lock. A layer is removed when no image names it and nobody
holds a lock on it (`hold`): what runs keeps what it runs on.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wherry.node.engine import Image, ImageConfig
from wherry.node.images import names

#: the ending of folders that are to be removed
GONE = ".gone"


class Layer(NamedTuple):
    """`blob`: digest of the layer as it came; `diff`: of its plain tar archive."""

    blob: str
    diff: str


class Stored(NamedTuple):
    image: Image
    manifest: str
    layers: tuple[Layer, ...]


class ImageStore:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "blobs" / "sha256"
        self._index = folder / "index.json"
        self._read_at: tuple[int, int] | None = None
        self._known: dict[str, Any] = {}

    # --- blobs ---
    def blob(self, digest: str) -> Path:
        return self._blobs / digest.removeprefix("sha256:")

    def has_blob(self, digest: str) -> bool:
        return self.blob(digest).exists()

    def partial(self, digest: str) -> Path:
        """Where a blob grows until it is whole."""
        self._blobs.mkdir(parents=True, exist_ok=True)
        return self._blobs / f"{digest.removeprefix('sha256:')}.part"

    def keep(self, digest: str, partial: Path) -> None:
        """The digest was checked by the caller."""
        partial.replace(self.blob(digest))

    def put_blob(self, digest: str, data: bytes) -> None:
        if not self.has_blob(digest):
            new = self._blobs / f"{digest.removeprefix('sha256:')}.{os.getpid()}.new"
            self._blobs.mkdir(parents=True, exist_ok=True)
            new.write_bytes(data)
            new.replace(self.blob(digest))

    # --- images ---
    def all(self) -> list[Stored]:
        return [_from_entry(id, entry) for id, entry in self._load().items()]

    def find(self, name: str) -> Stored | None:
        """By name, digest or id. Raises PullFailed for what is no name."""
        known = self._load()
        if names.is_id(name):
            full = [id for id in known if id.startswith(name) or id.removeprefix("sha256:").startswith(name)]
            if len(full) == 1:
                return _from_entry(full[0], known[full[0]])
        wanted = names.parse(name)
        by_digest = f"{wanted.repository}@{wanted.digest}"
        for id, entry in known.items():
            if (by_digest in entry["digests"]) if wanted.digest else (str(wanted) in entry["names"]):
                return _from_entry(id, entry)
        return None

    def add(self, stored: Stored) -> Stored:
        """Its names are its alone from here on. The blobs must be there."""
        with self._changing() as known:
            image = stored.image
            before = known.get(image.id)
            for entry in known.values():
                entry["names"] = [name for name in entry["names"] if name not in image.names]
            merged = image
            if before:
                merged = Image(image.id, tuple(dict.fromkeys([*before["names"], *image.names])),
                               tuple(dict.fromkeys([*before["digests"], *image.digests])), image.size, image.config)
            known[image.id] = _to_entry(Stored(merged, stored.manifest, stored.layers))
        return Stored(merged, stored.manifest, stored.layers)

    def remove(self, id: str) -> None:
        with self._changing() as known:
            known.pop(id, None)
        self.collect()

    def untag(self, name: str) -> bool:
        """Take a name away, and the image with its last one. False when no image has it. Raises PullFailed for what is no name."""
        found = self.find(name)
        if found is None:
            return False
        with self._changing() as known:
            entry = known[found.image.id]
            left = [other for other in entry["names"] if not names.is_id(name) and other != str(names.parse(name))]
            if left:
                entry["names"] = left
            else:
                del known[found.image.id]
        self.collect()
        return True

    def collect(self) -> int:
        """Remove blobs and layers that no image names and nobody holds. Bytes of blobs that went."""
        freed = 0
        with self._changing() as known:
            blobs, diffs = set(), set()
            for id, entry in known.items():
                blobs |= {id, entry["manifest"], *(blob for blob, _ in entry["layers"])}
                diffs |= {short(diff) for _, diff in entry["layers"]}
            for path in self._blobs.iterdir() if self._blobs.exists() else ():
                if not path.suffix and f"sha256:{path.name}" not in blobs:
                    freed += path.stat().st_size
                    path.unlink(missing_ok=True)
            for path in self.folder.glob("unpacked/*/*.lock"):
                if path.stem not in diffs:
                    _remove_layer(path)
            for path in self.folder.glob("unpacked/*/*.[0-9]*"):
                if not Path(f"/proc/{path.suffix[1:]}").exists():
                    shutil.rmtree(path, ignore_errors=True)  # its unpacking was broken off
        return freed

    # --- unpacked layers ---
    def layer_folder(self, ids: str) -> Path:
        """Of the folders of that kind of ids."""
        path = self.folder / "unpacked" / ids
        path.mkdir(parents=True, exist_ok=True)
        return path

    def hold(self, ids: str, diff: str) -> int:
        """A descriptor; until it is closed the layer is not removed."""
        path = self.layer_folder(ids) / f"{short(diff)}.lock"
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            # another may have removed the layer and its lock meanwhile
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            os.close(descriptor)

    # --- the index ---
    def _load(self) -> dict[str, Any]:
        try:
            there = os.stat(self._index)
        except FileNotFoundError:
            return {}
        if self._read_at != (there.st_mtime_ns, there.st_ino):
            self._known = json.loads(self._index.read_text())
            self._read_at = (there.st_mtime_ns, there.st_ino)
        return self._known

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = json.loads(json.dumps(self._load()))
            yield known
            new = self._index.with_suffix(".new")
            new.write_text(json.dumps(known, indent=1))
            new.replace(self._index)


def short(digest: str) -> str:
    """Enough of a digest to tell layers apart; the kernel takes all names of a mount in one page."""
    return digest.removeprefix("sha256:")[:24]


def _remove_layer(lock: Path) -> None:
    descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        layer = lock.with_suffix("")
        shutil.rmtree(layer, ignore_errors=True)
        if layer.exists():
            # its files belong to users that only exist in an engine's namespace: the next engine removes it
            layer.rename(layer.with_name(f"{layer.name}.{os.getpid()}-{time.time_ns()}{GONE}"))
        lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _to_entry(stored: Stored) -> dict[str, Any]:
    image, config = stored.image, stored.image.config
    return {
        "names": list(image.names), "digests": list(image.digests), "size": image.size, "manifest": stored.manifest,
        "layers": [list(layer) for layer in stored.layers],
        "config": {"entrypoint": config.entrypoint, "command": config.command, "env": config.env, "user": config.user,
                   "working_dir": config.working_dir, "stop_signal": config.stop_signal, "volumes": config.volumes},
    }


def _from_entry(id: str, entry: dict[str, Any]) -> Stored:
    said = entry["config"]
    env = tuple((name, value) for name, value in said["env"])
    config = ImageConfig(tuple(said["entrypoint"]), tuple(said["command"]), env, said["user"], said["working_dir"], said["stop_signal"],
                         tuple(said["volumes"]))
    image = Image(id, tuple(entry["names"]), tuple(entry["digests"]), entry["size"], config)
    return Stored(image, entry["manifest"], tuple(Layer(blob, diff) for blob, diff in entry["layers"]))
