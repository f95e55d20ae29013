"""What the servers of one etcd tell each other beside the objects: keys they share, and where each is reached.

Used by the cluster (`cluster.shared_pki`, `cluster.peers`). What is kept is encrypted as Secrets are. Everything raises StoreFailed when
etcd does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from wherry.store.encryption.transformer import Transformer, refuse_encrypted
from wherry.store.etcd.beside import Beside
from wherry.store.etcd.errors import EtcdError
from wherry.store.protocol import StoreFailed

T = TypeVar("T")
#: as what the keys are encrypted
_SECRETS = "secrets/wherry/"


class Shared:
    """`failed`: tells the store of what went wrong, and gives what to raise."""

    def __init__(self, beside: Beside, transformer: Transformer | None, failed: Callable[[EtcdError], StoreFailed]) -> None:
        self._beside, self._transformer, self._failed = beside, transformer, failed

    async def kept(self, name: str) -> bytes | None:
        """What was put there under a name; encrypted anew where it is with an older key. Raises Sealed."""
        found = await self._or_fail(self._beside.kept(name))
        if found is None:
            return None
        content, key = self._opened(name, found), _SECRETS + name
        if self._transformer is not None and self._transformer.is_stale(key):
            await self._or_fail(self._beside.put(name, self._transformer.seal(key, content)))
        return content

    async def keep(self, name: str, content: bytes) -> bytes:
        """Put it there unless something is; gives what is there. Raises Sealed."""
        sealed = content if self._transformer is None else self._transformer.seal(_SECRETS + name, content)
        return self._opened(name, await self._or_fail(self._beside.keep(name, sealed)))

    async def announce(self, name: str, value: bytes, seconds: int) -> None:
        """Say something to other servers that is believed for so long."""
        await self._or_fail(self._beside.announce(name, value, seconds))

    async def announced(self, folder: str) -> list[tuple[str, bytes]]:
        """What the servers say, by name."""
        return await self._or_fail(self._beside.announced(folder))

    async def withdraw(self, name: str) -> None:
        """What was announced is no more."""
        await self._or_fail(self._beside.withdraw(name))

    def _opened(self, name: str, stored: bytes) -> bytes:
        key = _SECRETS + name
        return refuse_encrypted(key, stored) if self._transformer is None else self._transformer.open(key, stored)

    async def _or_fail(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except EtcdError as error:
            raise self._failed(error) from error
