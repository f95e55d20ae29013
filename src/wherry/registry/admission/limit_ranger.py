"""LimitRanger: the LimitRanges of a namespace give its new pods what they do not say, and refuse pods and claims out of bounds.

Source: plugin/pkg/admission/limitranger. A namespace without LimitRanges costs one look at a count.
"""

from __future__ import annotations

from functools import partial

from wherry.api.objects import Obj, is_deleting
from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request
from wherry.rules.admission import limit_range
from wherry.store.protocol import Store

_TABLE = "limitranges"


class LimitRanger:
    tables = (_TABLE,)

    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        if resource.group_resource == "pods":
            return (operation, subresource) in (("CREATE", ""), ("UPDATE", "resize"))
        return resource.group_resource == "persistentvolumeclaims" and operation in ("CREATE", "UPDATE") and not subresource

    async def each(self, resource: Resource, namespace: str) -> bool:
        """What is filled in is told in an annotation, which pods of one template do not share."""
        return resource.group_resource == "pods" and bool(await self._of(namespace))

    async def admit(self, request: Request) -> None:
        if request.resource.plural == "pods" and not _is_going(request):
            for found in await self._of(request.namespace):
                await request.compute(partial(limit_range.fill_in, found, request.draft))

    async def validate(self, request: Request) -> None:
        """Raises Forbidden, with all that the first LimitRange has to say."""
        if _is_going(request):
            return
        rule = limit_range.pod_violations if request.resource.plural == "pods" else limit_range.claim_violations
        for found in await self._of(request.namespace):
            if texts := list(dict.fromkeys(await request.compute(partial(rule, found, request.draft)))):
                raise request.forbidden(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")

    async def _of(self, namespace: str) -> list[Obj]:
        if not self._store.size(_TABLE):
            return []
        found = await self._store.range(f"{_TABLE}/{namespace}/")
        return [record.object() for record in found.records]


def _is_going(request: Request) -> bool:
    return request.old is not None and is_deleting(request.old)
