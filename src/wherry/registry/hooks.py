"""What the registry hands out with a write: cluster IPs and node ports of Services.

In use is what the stored Services say; nothing else is kept, so nothing can leak or need repair. Creates and updates hold `guard` from the
choice until the Service that has it is stored, and call `allocate` before they prepare and validate it.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from wherry.api import errors
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.core import Core, prefix
from wherry.rules.service_allocation import Pools, allocate, held

_FREE: AbstractAsyncContextManager[Any] = nullcontext()


def guard(core: Core, resource: Resource) -> AbstractAsyncContextManager[Any]:
    """Held while a Service is written; nothing for every other kind."""
    return core.allocating if resource.group_resource == "services" else _FREE


async def give(core: Core, resource: Resource, draft: Obj, old: Obj | None) -> None:
    """A Service gets its addresses and ports. Raises Invalid when one asked for is taken or out of range, 500 when there are no more."""
    if resource.group_resource != "services":
        return
    ips: set[str] = set()
    ports: set[int] = set()
    for record in (await core.store.range(prefix(resource))).records:
        used = held(record.object())
        ips |= used[0]
        ports |= used[1]
    result = allocate(draft, old, Pools(ips, ports), core.rng)
    if result.internal:
        raise StatusError(result.internal, code=500, reason="InternalError")
    if result.errors:
        raise errors.invalid(resource.group_kind, draft["metadata"].get("name", ""), result.errors)
