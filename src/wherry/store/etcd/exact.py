"""Asks etcd itself how new something is, many questions in one request.

A read of the store is answered by the log of this server, which may be behind what another has written; so it asks first at which
revision etcd has a key, without its value, and waits until the log has that. Whoever asks while a request is under way shares the next
one. Reads in etcd are linearizable: they see everything that was acknowledged before they were asked.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import grpc

from wherry.store.etcd.connection import Connection
from wherry.store.etcd.errors import EtcdError
from wherry.store.etcd.messages import TXN, RangeRequest, RequestOp, TxnRequest

#: questions in one request: etcd's own limit is 128
MOST = 120

class Found(NamedTuple):
    """`mod_revision`: of the key, 0 where it is not; `revision`: the newest of all."""

    mod_revision: int
    revision: int


class Exact:
    """`nothing`: a key that is never written, for whoever wants to know the newest revision only."""

    def __init__(self, connection: Connection, nothing: bytes) -> None:
        self._connection, self._nothing = connection, nothing
        self._asked: list[tuple[bytes, asyncio.Future[Found]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, path: bytes = b"") -> Found:
        """Raises EtcdError."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Found] = loop.create_future()
        self._asked.append((path or self._nothing, answer))
        if self._asking is None:
            self._asking = loop.create_task(self._ask(), name="etcd-reads")
        return await answer

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return [self._asking] if self._asking is not None else []

    async def _ask(self) -> None:
        asked: list[tuple[bytes, asyncio.Future[Found]]] = []
        try:
            while self._asked:
                asked, self._asked = self._asked[:MOST], self._asked[MOST:]
                await self._answer(asked)
        finally:
            self._asking = None
            for _, answer in (*asked, *self._asked):
                if not answer.done():
                    answer.set_exception(EtcdError(grpc.StatusCode.CANCELLED, "the store is closed"))
            self._asked = []

    async def _answer(self, asked: list[tuple[bytes, asyncio.Future[Found]]]) -> None:
        paths = dict.fromkeys(path for path, _ in asked)
        request = TxnRequest(success=[RequestOp(request_range=RangeRequest(key=path, keys_only=True)) for path in paths])
        try:
            response = await self._connection.call(TXN, request)
        except EtcdError as error:
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(EtcdError(error.code, error.details))
            return
        revision = response.header.revision
        kvs = [each.response_range.kvs for each in response.responses]
        found = {path: Found(kv[0].mod_revision if kv else 0, revision) for path, kv in zip(paths, kvs, strict=True)}
        for path, answer in asked:
            if not answer.done():
                answer.set_result(found[path])
