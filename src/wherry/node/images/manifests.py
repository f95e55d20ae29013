"""Manifests and configurations of images: what of them counts here. Pure.

Source: https://github.com/opencontainers/image-spec (manifest.md, image-index.md, config.md), Docker's image manifest version 2, schema 2.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from wherry.node.engine import Image, ImageConfig
from wherry.node.images.store import Layer, Stored

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
ACCEPTED = ", ".join((*_MANIFESTS, *_INDEXES))
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


class ManifestError(Exception):
    """It is not what an image can be made of; the text says how."""


class Blob(NamedTuple):
    digest: str
    size: int


class Manifest(NamedTuple):
    config: Blob
    layers: tuple[Blob, ...]


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def architecture(machine: str = "") -> str:
    """In the words of images."""
    machine = machine or os.uname().machine
    return _MACHINES.get(machine, machine)


def load(data: bytes, what: str) -> dict[str, Any]:
    """Raises ManifestError."""
    try:
        content = json.loads(data)
    except ValueError as error:
        raise ManifestError(f"{what} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise ManifestError(f"{what} is no JSON object")
    return content


def choose(index: dict[str, Any], arch: str) -> Blob | None:
    """The manifest for linux on that architecture; None when the content is a manifest itself. Raises ManifestError."""
    if "manifests" not in index:
        return None
    for one in index["manifests"]:
        platform = one.get("platform") or {}
        if (platform.get("os", "linux"), platform.get("architecture", arch)) == ("linux", arch) and not _is_attestation(one):
            return _blob(one, "index")
    raise ManifestError(f"no match for platform in manifest: linux/{arch} is not among them")


def manifest(content: dict[str, Any]) -> Manifest:
    """Raises ManifestError."""
    if "config" not in content or not isinstance(content.get("layers"), list):
        raise ManifestError(f"a manifest of type {content.get('mediaType') or content.get('schemaVersion')} is not supported")
    return Manifest(_blob(content["config"], "manifest"), tuple(_blob(layer, "manifest") for layer in content["layers"]))


def stored(config_data: bytes, manifest_digest: str, layers: Sequence[Blob], names: Sequence[str], digests: Sequence[str]) -> Stored:
    """What the store keeps. Raises ManifestError when configuration and layers do not agree."""
    content = load(config_data, "the configuration")
    diffs = (content.get("rootfs") or {}).get("diff_ids") or []
    if len(diffs) != len(layers):
        raise ManifestError(f"the configuration names {len(diffs)} layers, the manifest {len(layers)}")
    size = len(config_data) + sum(layer.size for layer in layers)
    image = Image(digest_of(config_data), tuple(names), tuple(digests), size, image_config(content.get("config") or {}))
    return Stored(image, manifest_digest, tuple(Layer(layer.digest, diff) for layer, diff in zip(layers, diffs, strict=True)))


def image_config(said: dict[str, Any]) -> ImageConfig:
    env = tuple((name, value) for name, _, value in (entry.partition("=") for entry in said.get("Env") or ()))
    return ImageConfig(
        tuple(said.get("Entrypoint") or ()), tuple(said.get("Cmd") or ()), env, said.get("User") or "", said.get("WorkingDir") or "",
        said.get("StopSignal") or "", tuple(said.get("Volumes") or ()),
    )


def _is_attestation(entry: dict[str, Any]) -> bool:
    return (entry.get("annotations") or {}).get("vnd.docker.reference.type") == "attestation-manifest"


def _blob(entry: dict[str, Any], what: str) -> Blob:
    digest, size = entry.get("digest"), entry.get("size")
    if not isinstance(digest, str) or not digest.startswith("sha256:") or len(digest) != 71 or not isinstance(size, int) or size < 0:
        raise ManifestError(f"the {what} names a blob without a proper digest and size")
    if not all(digit in "0123456789abcdef" for digit in digest[7:]):
        raise ManifestError(f"the {what} names a blob with an improper digest")
    return Blob(digest, size)
