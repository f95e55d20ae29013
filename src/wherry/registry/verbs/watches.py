"""Watch: the store's log of one resource, as events for one watcher's selectors.

Semantics: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes; KEP-3157 for initial events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from wherry.api.errors import Gone
from wherry.api.objects import Obj, with_metadata
from wherry.api.options import Target, WatchOptions
from wherry.api.resources import Resource
from wherry.registry.core import Core, prefix
from wherry.registry.encode import transient
from wherry.registry.results import WatchEvent
from wherry.registry.verbs import query
from wherry.registry.verbs.query import Match
from wherry.registry.verbs.reads import FRESH_WITHIN, as_served
from wherry.registry.versions import custom_versions
from wherry.store.protocol import Compacted, Part, Record, Watch

#: seconds of silence after which a watcher that allows bookmarks is told the current revision
BOOKMARK_EVERY = 60.0


def watch(core: Core, target: Target, options: WatchOptions) -> AsyncIterator[list[WatchEvent]]:
    """Batches of events, without end. Raises Invalid and BadRequest at once, Gone from the iterator (at its start or in the middle)."""
    query.check_watch(options)
    resource = target.resource
    match = query.matcher(options.label_selector, options.field_selector, lambda: core.strategy(resource), namespaced=resource.namespaced)
    version = query.parse_version(options.resource_version, code=500)
    part = query.part(options.field_selector, lambda: core.strategy(resource)) if resource.custom is None else None
    return _stream(core, target, options, _Wanted(match, version, part))


class _Wanted(NamedTuple):
    """`part`: which records can match at all, for the store's index."""

    match: Match | None
    version: int
    part: Part | None


async def _stream(core: Core, target: Target, options: WatchOptions, wanted: _Wanted) -> AsyncIterator[list[WatchEvent]]:
    match, version, part = wanted
    at = prefix(core.table.storage(target.resource), target.namespace)
    if not options.resource_version:
        await core.store.settle()
    elif version > core.store.revision:
        await core.store.reach(version, FRESH_WITHIN)
    after = version or core.store.revision
    first: list[WatchEvent] = []
    if options.send_initial_events or (options.send_initial_events is None and version == 0):
        first, after = await _initial(core, target.resource, at, match, options)
    try:
        stream = core.store.watch(at, after=min(after, core.store.revision), part=part)
    except Compacted as error:
        raise too_old(after, error.oldest) from error
    done = core.customs.watching(target.resource, stream.close) if target.resource.custom is not None else None
    try:
        if first:
            yield first
        async for batch in _events(core, target.resource, stream, match, after, options.allow_bookmarks):
            yield batch
    finally:
        stream.close()
        if done is not None:
            done()


async def _initial(core: Core, resource: Resource, at: str, match: Match | None, options: WatchOptions) -> tuple[list[WatchEvent], int]:
    """An ADDED event for everything there is, and the revision of that state."""
    found = await core.store.range(at)
    await custom_versions.prepare(core, resource, found.records)
    records = [as_served(core, resource, r) for r in found.records]
    first = [WatchEvent("ADDED", r, r.revision) for r in records if match is None or match(r.object())]
    if options.send_initial_events and options.allow_bookmarks:
        first.append(WatchEvent("BOOKMARK", None, found.revision, True))
    return first, found.revision


def too_old(revision: int, oldest: int) -> Gone:
    return Gone(f"too old resource version: {revision} ({oldest})")


async def _events(
    core: Core, resource: Resource, stream: Watch, match: Match | None, after: int, bookmarks: bool
) -> AsyncIterator[list[WatchEvent]]:
    while True:
        told = core.store.revision
        try:
            if bookmarks:
                async with asyncio.timeout(BOOKMARK_EVERY):
                    records = await anext(stream)
            else:
                records = await anext(stream)
        except TimeoutError:
            yield [WatchEvent("BOOKMARK", None, told)]
            continue
        except StopAsyncIteration:
            return
        except Compacted as error:
            raise too_old(error.revision, error.oldest) from error
        if resource.custom is not None:
            await custom_versions.prepare(core, resource, (each for r in records for each in (r, r.prev)))
        events = [e for r in records if r.revision > after and (e := event(core, resource, r, match)) is not None]
        if events:
            yield events


def event(core: Core, resource: Resource, record: Record, match: Match | None) -> WatchEvent | None:
    """What a watcher with that selection sees of one write; None when it sees nothing."""
    served = as_served(core, resource, record)
    if match is None:
        kind = "DELETED" if record.deleted else "ADDED" if record.create_revision == record.revision else "MODIFIED"
        return WatchEvent(kind, served, record.revision)
    now = not record.deleted and match(served.object())
    prev = None if record.prev is None or record.prev.deleted else as_served(core, resource, record.prev)
    was = prev is not None and match(prev.object())
    if now:
        return WatchEvent("MODIFIED" if was else "ADDED", served, record.revision)
    if not was or prev is None:
        return None
    # what left the selection is shown as it was while it was in it, with the revision of leaving
    if not record.deleted:
        served = transient(_left(prev.object(), record.revision), record.revision, record.key)
    return WatchEvent("DELETED", served, record.revision)


def _left(obj: Obj, revision: int) -> Obj:
    return with_metadata(obj, resourceVersion=str(revision))
