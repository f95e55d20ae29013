"""The certificates and keys of servers that share an etcd: the first server makes them, the others take them from there.

Called by `Cluster` in place of `pki.ensure`. In etcd are the CA with its key, the key that signs tokens of service accounts and the
administrator's token; each server makes a certificate of its own with that CA. They are put there at once by whoever is first
(compare-and-set), beside the objects, where the API does not reach. Who may read etcd may do everything in the cluster anyhow: its Secrets
are there. A data directory whose CA is another one is refused: it belongs to another cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from wherry.cluster import pki
from wherry.kit.files import replace
from wherry.registry.tokens import issuer
from wherry.store.encryption.transformer import Sealed
from wherry.store.protocol import StoreError

NAME = "pki"
#: what is shared, with the mode of each file
FILES = {"ca.crt": 0o644, "ca.key": 0o600, issuer.FILE: 0o600, "token": 0o600}


class Keeper(Protocol):
    """What the store over etcd offers for this."""

    async def kept(self, name: str) -> bytes | None:
        """What was put beside the objects under a name."""
        ...

    async def keep(self, name: str, content: bytes) -> bytes:
        """Put it there unless something is; gives what is there."""
        ...


async def ensure(store: Keeper, directory: Path, *own: str) -> pki.Pki:
    """As `pki.ensure`, for a directory whose CA is the one in etcd. Raises StoreError, StoreFailed."""
    try:
        there = await store.kept(NAME)
    except Sealed as error:
        raise StoreError(f"the keys that the servers share cannot be read from etcd: {error}") from None
    if there is None:
        made = _make(directory, own)
        there = await store.keep(NAME, msgspec.json.encode(made))
        if there == msgspec.json.encode(made):
            return pki.ensure(directory, *own)
        _forget(directory)  # another server was quicker
    take(directory, msgspec.json.decode(there, type=dict[str, str]))
    return pki.ensure(directory, *own)


def _make(directory: Path, own: tuple[str, ...]) -> dict[str, str]:
    """What is in the directory, made where it was not."""
    pki.ensure(directory, *own)
    return files(directory)


def files(directory: Path) -> dict[str, str]:
    """What a directory has of what is shared; a key that was not needed yet is made."""
    issuer.make(directory)
    return {name: (directory / name).read_text() for name in FILES}


def _forget(directory: Path) -> None:
    (directory / "ca.crt").unlink()


def take(directory: Path, files: Mapping[str, str]) -> None:
    """Puts it into a directory. Raises StoreError when that is of another cluster."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca = directory / "ca.crt"
    if ca.exists() and ca.read_text() != files["ca.crt"]:
        raise StoreError(f"{ca} is the CA of another cluster than the one in etcd: give an empty --data-dir")
    for name, mode in FILES.items():
        if not (directory / name).exists() or (directory / name).read_text() != files[name]:
            replace(directory / name, files[name].encode(), mode)
