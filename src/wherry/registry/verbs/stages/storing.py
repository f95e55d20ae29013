"""The end of a write: compare and set. Whoever follows what is stored hears of it from the store's log.

Raises CompareFailed when somebody else was quicker, ClaimLost when another server decided about the same thing meanwhile; the verb then
tries again, or says so.
"""

from __future__ import annotations

from wherry.api.errors import StatusError
from wherry.registry.core import key
from wherry.registry.encode import transient
from wherry.registry.storing import create, remove, replace
from wherry.registry.verbs.write import Write
from wherry.registry.versions import custom_versions
from wherry.rules.objects.deletion import ends_with_update
from wherry.store.protocol import CompareFailed, Record


async def store_new(write: Write) -> None:
    """Raises CompareFailed when the name is taken; StatusError (500) for a resourceVersion, which only storage gives."""
    core, draft = write.core, write.draft
    at = key(write.resource, draft["metadata"].get("namespace", ""), draft["metadata"]["name"])
    if write.dry_run:
        if (current := await core.store.get(at)) is not None:
            raise CompareFailed(at, current)
        write.record = transient(draft)
        return
    if draft["metadata"].get("resourceVersion"):
        raise StatusError("resourceVersion should not be set on objects to be created", code=500)
    if write.resource.custom is not None:
        draft = await custom_versions.stored(core, write.resource, draft)
    write.record = await create(core.store, at, draft, write.claim)


async def store_change(write: Write) -> None:
    """The next version; the end of an object whose last finalizer goes; nothing where nothing changed."""
    core, draft, current = write.core, write.draft, write.current
    assert current is not None
    old = write.old or {}
    if draft is old:
        if custom_versions.is_stored_right(write.resource, current) and not core.store.is_stale(current.key):
            write.record = current
            return
        draft = {**old, "metadata": dict(old["metadata"])}
    if ends_with_update(draft, old, core.strategy(write.resource)):
        write.record = await _end(write, current)
    elif write.dry_run:
        write.record = transient(draft, current.revision, current.key)
    else:
        if write.resource.custom is not None:
            draft = await custom_versions.stored(core, write.resource, draft)
        write.record = await replace(core.store, current.key, draft, current, write.claim)


async def _end(write: Write, current: Record) -> Record:
    """Watchers see the object as it was stored last; the client what it sent."""
    sent = transient({**write.draft, "metadata": dict(write.draft["metadata"])}, current.revision, current.key)
    if not write.dry_run:
        await remove(write.core.store, current.key, current)
    return sent
