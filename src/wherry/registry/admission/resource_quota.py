"""ResourceQuota: a write that would exceed a quota of its namespace is refused; one that fits is charged before it is stored.

The last plug-in of the chain: whatever refuses an object does so before it is charged. Writes of one namespace are charged one after the
other, so that none is lost; a namespace without quotas costs one look at a count.
Source: k8s.io/apiserver/pkg/admission/plugin/resourcequota. What was charged for a write that failed later is given back by the controller.
"""

from __future__ import annotations

import asyncio
from functools import partial
from weakref import WeakValueDictionary

from wherry.api.errors import Conflict, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.options import Target, WriteOptions
from wherry.api.resources import Resource, resource
from wherry.registry.core import Core
from wherry.registry.request import Operation, Request
from wherry.registry.verbs.inside import change_status
from wherry.rules.admission import quota as rule
from wherry.store.protocol import Store

_QUOTAS = resource("resourcequotas")
_TABLE = _QUOTAS.group_resource
#: how often quotas that changed meanwhile are read again
_RETRIES = 3


class ResourceQuota:
    tables = (_TABLE,)

    def __init__(self, store: Store) -> None:
        self._store = store
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._core: Core | None = None

    def bind(self, core: Core) -> None:
        self._core = core

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation in ("CREATE", "UPDATE") and resource.namespaced and resource.group_resource not in rule.IGNORED

    async def each(self, resource: Resource, namespace: str) -> bool:
        return resource.group_resource not in rule.IGNORED and bool(await self._of(namespace))

    async def validate(self, request: Request) -> None:
        """Raises Forbidden, or Conflict when the quotas changed too often meanwhile."""
        if not self._store.size(_TABLE):
            return
        evaluator = rule.evaluator(request.resource.group_resource)
        if not evaluator.handles(request.operation, request.subresource, request.draft, request.old):
            return
        quotas = await self._of(request.namespace)
        if not quotas:
            return
        lock = self._locks.get(request.namespace)
        if lock is None:
            lock = self._locks[request.namespace] = asyncio.Lock()
        async with lock:
            await self._charge(request)

    async def _charge(self, request: Request) -> None:
        """Each quota is charged once: after a conflict only those that could not be written are tried again."""
        evaluator = rule.evaluator(request.resource.group_resource)
        left: set[str] | None = None
        for last in range(_RETRIES, -1, -1):
            quotas = [q for q in await self._of(request.namespace) if left is None or q["metadata"]["name"] in left]
            try:
                asked = rule.Write(request.subresource, request.draft, request.old, self._now())
                made = await request.compute(partial(rule.charges, evaluator, quotas, asked))
            except rule.Exceeded as error:
                raise request.forbidden(str(error)) from None
            left, failure = (set(), None) if request.dry_run else await self._write(made)
            if failure is None:
                return
            if not last:
                raise failure

    async def _write(self, made: list[rule.Charge]) -> tuple[set[str], StatusError | None]:
        """The names of the quotas that somebody else changed, and the error of the last."""
        failed: set[str] = set()
        failure: StatusError | None = None
        for quota, used in made:
            try:
                await self._store_used(quota, used)
            except (Conflict, NotFound) as error:
                failed.add(quota["metadata"]["name"])
                failure = error
        return failed, failure

    async def _store_used(self, quota: Obj, used: dict[str, str]) -> None:
        meta = quota["metadata"]

        def make(old: Obj) -> Obj:
            status = {**(old.get("status") or {}), "used": used}
            return {**old, "metadata": {**old["metadata"], "resourceVersion": meta["resourceVersion"]}, "status": status}

        target = Target(_QUOTAS, meta["namespace"], meta["name"])
        await change_status(self._bound(), target, make, WriteOptions(user_agent="kube-apiserver"))

    async def _of(self, namespace: str) -> list[Obj]:
        if not self._store.size(_TABLE):
            return []
        found = await self._store.range(f"{_TABLE}/{namespace}/")
        return [record.object() for record in found.records]

    def _now(self) -> float:
        return self._bound().now()

    def _bound(self) -> Core:
        if self._core is None:
            raise RuntimeError("the chain has no registry to write through")
        return self._core
