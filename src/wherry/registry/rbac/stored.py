"""The policy of what is stored: read when it is first needed, then followed.

Asked by the server for callers who are not administrators, by the clients of the parts inside, and by the admission of roles and bindings;
in a cluster where nobody asks nothing is read. Changes come from the store's log, whoever made them, before their writer is answered: so
whoever asks after a write was acknowledged sees it. `version` counts the changes, for those who keep answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.rules.access.rbac.defaults import GROUP
from wherry.rules.access.rbac.policy import Policy
from wherry.store.protocol import Record, Store

TABLES = tuple(resource(plural, GROUP) for plural in ("clusterroles", "clusterrolebindings", "roles", "rolebindings"))


class StoredPolicy:
    """One for a registry. `version` grows with every change of a role or binding, once anybody has asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._policy: Policy | None = None
        self._reading = asyncio.Lock()
        self._ends: list[Callable[[], None]] = []
        #: what was written while the policy was being read
        self._heard: list[tuple[Resource, Record]] = []
        self.version = 0

    async def current(self) -> Policy:
        """The policy of now. Raises StoreFailed."""
        if self._policy is not None:
            return self._policy
        async with self._reading:
            return self._policy if self._policy is not None else await self._read()

    async def _read(self) -> Policy:
        self.close()
        policy, read = Policy(), dict[Resource, int]()
        for table in TABLES:
            self._ends.append(self._store.follow(table.group_resource, self._hearing(table)))
        for table in TABLES:
            found = await self._store.range(f"{table.group_resource}/")
            read[table] = found.revision
            for record in sorted(found.records, key=lambda r: r.create_revision):
                policy.put(record.object())
        heard, self._heard = self._heard, []
        for table, record in heard:
            if record.revision > read[table]:
                _take(policy, table, record)
        self._policy = policy
        self.version += 1
        return policy

    def _hearing(self, table: Resource) -> Callable[[Record], None]:
        def hear(record: Record) -> None:
            self.version += 1
            if self._policy is None:
                self._heard.append((table, record))
            else:
                _take(self._policy, table, record)

        return hear

    def close(self) -> None:
        """No more is followed; the next question reads everything again."""
        for end in self._ends:
            end()
        self._ends, self._heard, self._policy = [], [], None


def _take(policy: Policy, table: Resource, record: Record) -> None:
    obj: Obj = record.object()
    if record.deleted:
        policy.drop(table.kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
    else:
        policy.put(obj)
