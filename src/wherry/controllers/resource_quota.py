"""The ResourceQuota controller: counts what is in use when objects go, when a quota is new, and now and then.

What is created or grows is charged at admission; this gives back. It counts what the server has, and writes against the version of the
quota that it read before, so that a charge made meanwhile is never lost.
Source: pkg/controller/resourcequota. Rules: `wherry.rules.admission.quota`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from wherry.api import objects
from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.reconcile import Controller, Parts
from wherry.rules.admission import quota as rule
from wherry.rules.objects.plan import Plan, Update

QUOTAS = resource("resourcequotas")
#: seconds that many deletions are gathered for
GATHER = 0.05
#: seconds after which a count that changed something is looked at again: an object may have been charged and not been stored yet
AGAIN = 2.0
#: seconds between full recounts
RESYNC = 300.0


class ResourceQuotaController(Controller):
    """Its keys are those of quotas. Custom resources are followed as they come and go."""

    name = "resourcequota-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._table = parts.table
        self._quotas = self.watch(QUOTAS, self._of_quota)
        self._custom: dict[str, Resource] = {}
        for each in self._table:
            if each.custom is None:
                self._follow(each)
        self._follow_custom()
        self._table.subscribe(self._follow_custom)

    def _follow(self, each: Resource) -> None:
        """Hear of objects of a kind that end, if quotas can be about it."""
        if self._is_counted(each):
            self.informer(each).add_handler(partial(self._changed, each.group_resource))

    def _follow_custom(self) -> None:
        now = {each.group_resource: each for each in reversed(self._table.custom)}
        for at in [at for at in self._custom if at not in now]:
            del self._custom[at]
        for at, each in now.items():
            if at not in self._custom:
                self._custom[at] = each
                self._follow(each)
                for quota in self._quotas.items():
                    if f"count/{at}" in _hard(quota, "spec"):
                        self.queue.add(objects.key(quota))

    def _is_counted(self, each: Resource) -> bool:
        countable = each.namespaced and {"create", "delete", "list", "watch"} <= set(each.verbs)
        return countable and each.group_resource not in rule.IGNORED and self._table.storage(each) is each

    def _of_quota(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if new is None or (old is not None and _hard(old, "spec") == _hard(new, "spec")):
            return ()
        return (objects.key(new),)

    def _changed(self, group_resource: str, old: Obj | None, new: Obj | None) -> None:
        if old is None or not len(self._quotas):
            return
        if new is not None and not rule.replenishes(group_resource, old, new, self.clock.now()):
            return
        evaluator = rule.evaluator(group_resource)
        for quota in self._quotas.by_index("namespace", objects.namespace(old)):
            if evaluator.matching(_hard(quota, "status")):
                self.queue.add_after(objects.key(quota), GATHER)

    async def reconcile(self, key: str) -> float | None:
        namespace, name = key.split("/", 1)
        # the server's own state, with what admission charged since; a controller of quotas may list them, and not get one
        found = (await self.parts.client.list(QUOTAS, namespace, field_selector=f"metadata.name={name}")).items
        if not found:
            return None
        quota = found[0]
        status = rule.recounted(quota, rule.counted(quota, await self._objects(quota), self.clock.now()))
        if status is None:
            return RESYNC
        error = (await self.apply(Plan((Update({**quota, "status": status}, "status"),)))).error
        if error is not None and not isinstance(error, NotFound):
            raise error
        return AGAIN

    async def _objects(self, quota: Obj) -> dict[str, list[Obj]]:
        found: dict[str, list[Obj]] = {}
        for source in rule.sources(quota):
            of = self._resource(source.group_resource)
            if of is not None:
                found[source.group_resource] = (await self.parts.client.list(of, objects.namespace(quota))).items
        return found

    def _resource(self, group_resource: str) -> Resource | None:
        custom = self._custom.get(group_resource)
        return custom or next((e for e in self._table if e.group_resource == group_resource and self._is_counted(e)), None)


def _hard(quota: Obj, part: str) -> Obj:
    return (quota.get(part) or {}).get("hard") or {}
