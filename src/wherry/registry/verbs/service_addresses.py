"""What the registry hands out with a write: cluster IPs and node ports of Services.

In use is what the stored Services say; nothing else is kept, so nothing can leak or need repair. Called by the stage that gives addresses,
before a Service is prepared and validated; it holds the choice until the Service that has it is stored. Of several servers on one store
each chooses on what it knows, and its claim lets the store refuse a choice that another's has overtaken.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network

from wherry.api import errors
from wherry.api.errors import StatusError
from wherry.api.objects import Obj, is_deleting
from wherry.api.resources import Resource, resource
from wherry.registry.core import Core, prefix
from wherry.rules.networking.services.addresses import ALLOCATOR, MANAGED_BY, RANGE
from wherry.rules.networking.services.allocation import Pools, allocate, held
from wherry.rules.networking.services.ranges import is_ready, networks
from wherry.store.protocol import Claim

RANGES = resource("servicecidrs", "networking.k8s.io")
ADDRESSES = resource("ipaddresses", "networking.k8s.io")


async def hold(core: Core) -> Callable[[], None]:
    """Nobody else chooses until what is returned is called."""
    await core.allocating.acquire()
    return core.allocating.release


async def claim(core: Core) -> Claim | None:
    """And no other server does, or it is chosen again. Raises StoreFailed."""
    return await core.store.claim("service-addresses")


async def give(core: Core, kind: Resource, draft: Obj, old: Obj | None) -> None:
    """A Service gets its addresses and ports. Raises Invalid when one asked for is taken or out of range, 500 when there are no more."""
    ips = await _reserved(core)
    ports: set[int] = set()
    for record in (await core.store.range(prefix(kind))).records:
        used = held(record.object())
        ips |= used[0]
        ports |= used[1]
    result = allocate(draft, old, Pools(ips, ports, more=await _more_ranges(core)), core.rng)
    if result.internal:
        raise StatusError(result.internal, code=500, reason="InternalError")
    if result.errors:
        raise errors.invalid(kind.group_kind, draft["metadata"].get("name", ""), result.errors)


async def _reserved(core: Core) -> set[str]:
    """Addresses that somebody made an IPAddress for. Those of our making follow the Services, a moment later, and say nothing new."""
    made = (await core.store.range(prefix(ADDRESSES))).records
    return {each.key.rpartition("/")[2] for each in made if (each.object()["metadata"].get("labels") or {}).get(MANAGED_BY) != ALLOCATOR}


async def _more_ranges(core: Core) -> tuple[IPv4Network, ...]:
    """The IPv4 ranges of ServiceCIDRs beside the cluster's own, those that are ready and stay."""
    if core.store.size(RANGES.group_resource) < 2:  # the cluster's own is always there
        return ()
    objects = [each.object() for each in (await core.store.range(prefix(RANGES))).records]
    used = [obj for obj in objects if obj["metadata"]["name"] != RANGE and not is_deleting(obj) and is_ready(obj)]
    return tuple(network for obj in used for network in networks(obj) if network.version == 4)
