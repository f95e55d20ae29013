"""What the store keeps in etcd beside the objects, where the API does not reach: below `wherry/` of the prefix.

That is what servers share (`cluster.shared_pki`), a key for each thing about which servers decide one after the other (`Claim`), and the
fence: a key that is written to see that everything written before has been heard of, and that etcd can be written at all.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from wherry.store.etcd.connection import Connection
from wherry.store.etcd.errors import EtcdError
from wherry.store.etcd.layout import Layout, after
from wherry.store.etcd.messages import (
    EQUAL,
    LEASE_GRANT,
    MOD,
    RANGE,
    TXN,
    Compare,
    DeleteRangeRequest,
    LeaseGrantRequest,
    PutRequest,
    RangeRequest,
    RequestOp,
    TxnRequest,
)

FOLDER = "wherry/"
FENCE = "fence"


class Beside:
    """Raises EtcdError from all that asks."""

    def __init__(self, connection: Connection, layout: Layout) -> None:
        self._connection, self._layout = connection, layout
        self._fencing: asyncio.Task[int] | None = None

    def key(self, name: str) -> bytes:
        return self._layout.start + f"{FOLDER}{name}".encode()

    def claim_key(self, name: str) -> bytes:
        return self.key(f"claims/{name}")

    async def kept(self, name: str) -> bytes | None:
        """What was put there under a name."""
        found = await self._connection.call(RANGE, RangeRequest(key=self.key(name)))
        return bytes(found.kvs[0].value) if found.kvs else None

    async def keep(self, name: str, content: bytes) -> bytes:
        """Put it there unless something is; gives what is there."""
        path = self.key(name)
        answer = await self._connection.call(TXN, TxnRequest(
            compare=[Compare(key=path, target=MOD, result=EQUAL)], success=[RequestOp(request_put=PutRequest(key=path, value=content))],
            failure=[RequestOp(request_range=RangeRequest(key=path))]))
        return content if answer.succeeded else bytes(answer.responses[0].response_range.kvs[0].value)

    async def put(self, name: str, content: bytes) -> None:
        put = RequestOp(request_put=PutRequest(key=self.key(name), value=content))
        await self._connection.call(TXN, TxnRequest(success=[put]))

    async def announce(self, name: str, value: bytes, seconds: int) -> None:
        """Below the prefix itself: what goes by itself unless it is said again in time."""
        lease = (await self._connection.call(LEASE_GRANT, LeaseGrantRequest(TTL=seconds))).ID
        put = PutRequest(key=self._layout.start + name.encode(), value=value, lease=lease)
        await self._connection.call(TXN, TxnRequest(success=[RequestOp(request_put=put)]))

    async def announced(self, folder: str) -> list[tuple[str, bytes]]:
        """What is said there, by name."""
        start = self._layout.start + folder.encode()
        found = await self._connection.call(RANGE, RangeRequest(key=start, range_end=after(start)))
        return [(kv.key.decode().removeprefix(self._layout.start.decode()), bytes(kv.value)) for kv in found.kvs]

    async def withdraw(self, name: str) -> None:
        delete = DeleteRangeRequest(key=self._layout.start + name.encode())
        await self._connection.call(TXN, TxnRequest(success=[RequestOp(request_delete_range=delete)]))

    async def fence(self) -> int:
        """The revision of a write after everything that was written so far; those who ask at once share one that begins after."""
        if self._fencing is not None:
            with suppress(EtcdError):
                await asyncio.shield(self._fencing)
        if self._fencing is None:
            self._fencing = asyncio.get_running_loop().create_task(self.put_fence(), name="etcd-fence")
            self._fencing.add_done_callback(self._fenced)
        return await asyncio.shield(self._fencing)

    async def put_fence(self) -> int:
        request = TxnRequest(success=[RequestOp(request_put=PutRequest(key=self.key(FENCE)))])
        return int((await self._connection.call(TXN, request)).header.revision)

    @property
    def tasks(self) -> list[asyncio.Task[int]]:
        return [self._fencing] if self._fencing is not None else []

    def _fenced(self, task: asyncio.Task[int]) -> None:
        self._fencing = None
        if not task.cancelled():
            task.exception()  # whoever asked is told
