"""Where objects go into the store: the only code that writes there.

The verbs (`creates`, `updates`, `deletes`, the subresources) call `create`, `replace` and `remove` with objects they have made ready, after
everybody who has a say was asked. `seed` is for objects that nobody asks for: those every cluster has, and the state that a cluster or a
rehearsal begins with; `put_back` for those of a backup. Whoever must hear of a write hears it from the store's log, so nothing has to be
told here.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj
from wherry.kit import eager
from wherry.registry.encode import encode
from wherry.store.protocol import Claim, CompareFailed, Encoded, Record, Store


async def create(store: Store, at: str, draft: Obj, claim: Claim | None = None) -> Record:
    """Store a private draft under a key where nothing is. Raises CompareFailed, StoreFailed, ClaimLost."""
    return await store.put(at, encode(draft), expect=0, claim=claim)


async def replace(store: Store, at: str, draft: Obj, current: Record, claim: Claim | None = None) -> Record:
    """Store a private draft in place of `current`. Raises CompareFailed, StoreFailed, ClaimLost."""
    return await store.put(at, encode(draft), expect=current.revision, claim=claim)


async def remove(store: Store, at: str, current: Record, last: Obj | None = None) -> Record:
    """Take `current` away; watchers see it as it was, or `last`. Raises CompareFailed, StoreFailed."""
    return await store.delete(at, encode(last) if last is not None else None, expect=current.revision)


async def expire(store: Store, at: str, revision: int) -> None:
    """Take the version away that grew too old, with nobody asked. Raises CompareFailed (there is a newer one, or none), StoreFailed."""
    await store.delete(at, expect=revision)


async def seed(store: Store, objects: Iterable[tuple[str, Obj]]) -> None:
    """Store objects as they are, under their keys, in this order and in one commit; what is there already stays. Raises StoreFailed."""
    for outcome in await eager.gather([_seed(store, at, obj) for at, obj in objects]):
        if outcome is not None:
            raise outcome


async def put_back(store: Store, at: str, value: bytes) -> Record:
    """Store an object's bytes from a copy, with an empty resourceVersion, where nothing is. Raises CompareFailed, StoreFailed."""
    return await store.put(at, Encoded(value), expect=0)


async def _seed(store: Store, at: str, obj: Obj) -> None:
    try:
        await create(store, at, obj)
    except CompareFailed:
        return  # from before, or another server of the same store was quicker
