"""The policy of what is stored: read when it is first needed, then followed.

Asked by the server for callers who are not administrators, and by the admission of roles and bindings; a cluster where nobody else asks
never reads anything. Changes come from watches of the four tables, and whoever asks after a write was acknowledged sees it.
"""

from __future__ import annotations

import asyncio

from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.registry.core import prefix
from wherry.rules.rbac.defaults import GROUP
from wherry.rules.rbac.policy import Policy
from wherry.store.protocol import Compacted, Record, Store, Watch

TABLES = tuple(resource(plural, GROUP) for plural in ("clusterroles", "clusterrolebindings", "roles", "rolebindings"))


class StoredPolicy:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._policy: Policy | None = None
        self._watches: dict[Resource, Watch] = {}
        self._pending: dict[Resource, asyncio.Task[list[Record] | None]] = {}
        self._reading = asyncio.Lock()
        self._seen = -1

    async def current(self) -> Policy:
        """The policy of now. Raises StoreFailed."""
        policy = self._policy
        if policy is not None and self._seen == self._store.revision:
            return policy
        async with self._reading:
            if self._policy is None:
                await self._read()
            else:
                await self._follow()
            assert self._policy is not None
            return self._policy

    async def _read(self) -> None:
        self.close()
        policy, start = Policy(), self._store.revision
        for table in TABLES:
            self._watches[table] = self._store.watch(prefix(table), after=start)
            self._expect(table)
            found = (await self._store.range(prefix(table))).records
            for record in sorted(found, key=lambda r: r.create_revision):
                policy.put(record.object())
        self._policy, self._seen = policy, start

    async def _follow(self) -> None:
        """Takes in what the watches have; a turn of the loop lets them deliver what was acknowledged before we were asked."""
        assert self._policy is not None
        seen = self._store.revision
        await asyncio.sleep(0)
        for table in TABLES:
            while self._pending[table].done():
                batch = self._pending[table].result()
                if batch is None:  # the watch ended, or fell behind: what it missed is read again
                    self._policy = None
                    await self._read()
                    return
                for record in batch:
                    self._take(table, record)
                self._expect(table)
                await asyncio.sleep(0)
        self._seen = seen

    def _take(self, table: Resource, record: Record) -> None:
        assert self._policy is not None
        obj: Obj = record.object()
        if record.deleted:
            self._policy.drop(table.kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        else:
            self._policy.put(obj)

    def _expect(self, table: Resource) -> None:
        self._pending[table] = asyncio.get_running_loop().create_task(_next(self._watches[table]), name=f"policy {table.plural}")

    def close(self) -> None:
        """No more is followed; the next question reads everything again."""
        for task in self._pending.values():
            task.cancel()
        for watch in self._watches.values():
            watch.close()
        self._pending, self._watches, self._policy = {}, {}, None


async def _next(watch: Watch) -> list[Record] | None:
    """What came, None when the watch ended or fell behind."""
    try:
        return await watch.__anext__()
    except (StopAsyncIteration, Compacted):
        return None
