"""Forgets old history in etcd: every five minutes what is older than five minutes, by one of all servers.

The servers agree by a key that the reference's use too, so that either kind does it: whoever finds the key as it was when he looked
last writes it and compacts; who finds it changed has been forestalled and waits once more. If the one that did it goes, another does it
after at most twice the time. Source: apiserver/pkg/storage/etcd3/compact.go.
"""

from __future__ import annotations

import asyncio
import logging

import grpc

from wherry.store.etcd.connection import Connection
from wherry.store.etcd.errors import EtcdError
from wherry.store.etcd.messages import (
    COMPACT,
    EQUAL,
    TXN,
    VERSION,
    CompactionRequest,
    Compare,
    PutRequest,
    RangeRequest,
    RequestOp,
    TxnRequest,
)

log = logging.getLogger(__name__)

KEY = b"compact_rev_key"
EVERY = 300.0


class Compactor:
    """`every`: seconds, 0 for never."""

    def __init__(self, connection: Connection, every: float) -> None:
        self._connection, self._every = connection, every
        #: the version of the key, and the newest revision, when this server looked last
        self._version, self._revision = 0, 0

    async def run(self) -> None:
        """For ever; what goes wrong is told, and tried again in time."""
        while self._every:
            await asyncio.sleep(self._every)
            try:
                await self.turn()
            except EtcdError as error:
                log.error("etcd could not be compacted: %s", error)

    async def turn(self) -> int:
        """One time: gives the revision up to which this server compacted, 0 where another did or nothing was due. Raises EtcdError."""
        answer = await self._connection.call(TXN, TxnRequest(
            compare=[Compare(key=KEY, target=VERSION, result=EQUAL, version=self._version)],
            success=[RequestOp(request_put=PutRequest(key=KEY, value=b"%d" % self._revision))],
            failure=[RequestOp(request_range=RangeRequest(key=KEY))]))
        due, self._revision = self._revision, answer.header.revision
        if not answer.succeeded:
            self._version = answer.responses[0].response_range.kvs[0].version
            return 0
        self._version += 1
        if due:
            await compact(self._connection, due)
        return due


async def compact(connection: Connection, revision: int) -> None:
    """Forget history up to and including `revision`; that it is forgotten already is well. Raises EtcdError."""
    try:
        await connection.call(COMPACT, CompactionRequest(revision=revision))
    except EtcdError as error:
        if error.code is not grpc.StatusCode.OUT_OF_RANGE:
            raise
