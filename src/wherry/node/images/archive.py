"""Images from files: archives of `docker save` and `skopeo`, OCI layouts as folders or archives.

Everything is copied into the store by its digest while it is read, so an archive may be larger than memory; what does not match its digest
is refused. Source: github.com/moby/moby image/spec/v1.2.md, github.com/opencontainers/image-spec image-layout.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from wherry.node.images import manifests, names
from wherry.node.images.manifests import Blob, ManifestError
from wherry.node.images.store import ImageStore, Stored

_CHUNK = 1 << 20
_LARGEST_TEXT = 16 << 20
_NAME_KEYS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


class ArchiveError(Exception):
    """The file is no archive of images, or a broken one."""


class Files(Protocol):
    """The files of an archive or a folder."""

    def has(self, name: str) -> bool: ...

    def open(self, name: str) -> IO[bytes]:
        """Raises ArchiveError when there is none of the name."""
        ...


def load(store: ImageStore, path: Path, name: str = "") -> list[Stored]:
    """All images of it; `name` for the one image of an archive that says none. Raises ArchiveError, PullFailed for what is no name."""
    try:
        with _files(path) as files:
            if files.has("manifest.json"):
                return _load_docker(store, files, name)
            if files.has("index.json"):
                return _load_layout(store, files, name)
    except (ManifestError, tarfile.TarError, EOFError, OSError, KeyError, TypeError) as error:
        raise ArchiveError(f"{path}: {error}") from error
    raise ArchiveError(f"{path}: neither an archive of docker save nor an OCI layout: it holds no manifest.json and no index.json")


def _load_docker(store: ImageStore, files: Files, name: str) -> list[Stored]:
    out = []
    for entry in _json(files, "manifest.json"):
        config = _text(files, entry["Config"])
        layers = [_copy(store, files, layer) for layer in entry["Layers"]]
        tags = [str(names.parse(tag)) for tag in ([name] if name else entry.get("RepoTags") or ())]
        # the archive has no manifest of the registry's kind: the configuration stands for it
        store.put_blob(manifests.digest_of(config), config)
        out.append(store.add(manifests.stored(config, manifests.digest_of(config), layers, tags, ())))
    return out


def _load_layout(store: ImageStore, files: Files, name: str) -> list[Stored]:
    out = []
    for entry in _json(files, "index.json")["manifests"]:
        digest, data = entry["digest"], _text(files, _blob_path(entry["digest"]))
        content = manifests.load(data, "the manifest")
        chosen = manifests.choose(content, manifests.architecture())
        if chosen:
            digest, data = chosen.digest, _text(files, _blob_path(chosen.digest))
            content = manifests.load(data, "the manifest")
        if manifests.digest_of(data) != digest:
            raise ManifestError(f"the manifest {digest} has the digest {manifests.digest_of(data)}")
        said = name or next((entry["annotations"][key] for key in _NAME_KEYS if key in (entry.get("annotations") or {})), "")
        out.append(_add_from_layout(store, files, manifests.manifest(content), digest, data, said))
    return out


def _add_from_layout(store: ImageStore, files: Files, manifest: manifests.Manifest, digest: str, data: bytes, name: str) -> Stored:
    config = _text(files, _blob_path(manifest.config.digest))
    layers = [_copy(store, files, _blob_path(layer.digest), layer.digest) for layer in manifest.layers]
    if manifests.digest_of(config) != manifest.config.digest:
        raise ManifestError(f"the configuration {manifest.config.digest} has the digest {manifests.digest_of(config)}")
    store.put_blob(digest, data)
    store.put_blob(manifest.config.digest, config)
    parsed = [names.parse(name)] if name else []
    repository = [f"{one.repository}@{digest}" for one in parsed]
    return store.add(manifests.stored(config, digest, layers, [str(one) for one in parsed], repository))


def _copy(store: ImageStore, files: Files, name: str, expected: str = "") -> Blob:
    """A layer into the store, whatever it is packed with. Raises ManifestError when it is not what it should be."""
    if expected and store.has_blob(expected):
        return Blob(expected, store.blob(expected).stat().st_size)
    partial = store.partial(f"sha256:load-{os.getpid()}")
    digest, size = hashlib.sha256(), 0
    try:
        with files.open(name) as source, partial.open("wb") as target:
            while data := source.read(_CHUNK):
                digest.update(data)
                size += len(data)
                target.write(data)
        found = f"sha256:{digest.hexdigest()}"
        if expected and found != expected:
            raise ManifestError(f"the layer {expected} has the digest {found}")
        store.keep(found, partial)
    finally:
        partial.unlink(missing_ok=True)
    return Blob(found, size)


def _json(files: Files, name: str) -> Any:
    try:
        return json.loads(_text(files, name))
    except ValueError as error:
        raise ManifestError(f"{name} is no JSON: {error}") from error


def _text(files: Files, name: str) -> bytes:
    with files.open(name) as source:
        data = source.read(_LARGEST_TEXT + 1)
    if len(data) > _LARGEST_TEXT:
        raise ManifestError(f"{name} is larger than {_LARGEST_TEXT >> 20} MiB")
    return data


def _blob_path(digest: str) -> str:
    algorithm, _, encoded = digest.partition(":")
    if algorithm != "sha256" or not encoded.isalnum():
        raise ManifestError(f"the digest {digest!r} is not supported")
    return f"blobs/sha256/{encoded}"


# --- files ---
@contextlib.contextmanager
def _files(path: Path) -> Iterator[Files]:
    if path.is_dir():
        yield _Folder(path)
    else:
        with tarfile.open(path) as archive:
            yield _Archive(archive)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, name: str) -> bool:
        return (self._path / name).is_file()

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")


class _Archive:
    """`docker save` links layers that are equal to one another."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members = {member.name.removeprefix("./"): member for member in archive}

    def has(self, name: str) -> bool:
        return name in self._members

    def open(self, name: str) -> IO[bytes]:
        if name not in self._members:
            raise ArchiveError(f"it holds no {name}")
        file = self._archive.extractfile(self._members[name])
        return file if file is not None else io.BytesIO()

