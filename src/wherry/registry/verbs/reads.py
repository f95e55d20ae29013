"""Get and list: what is in the store, as records whose bytes go out unchanged.

What is asked for without a version is exact: it has all that was acknowledged before, by whichever server. Version 0 is what is known here,
any other at least as new as that: what a client has seen elsewhere is waited for.
resourceVersion semantics: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions; KEP-2340 (consistent reads).
"""

from __future__ import annotations

from wherry.api import errors
from wherry.api.errors import BadRequest, Gone
from wherry.api.options import ListOptions, Target
from wherry.api.resources import Resource
from wherry.registry.core import Core, prefix, target_key
from wherry.registry.encode import transient
from wherry.registry.results import Page
from wherry.registry.verbs import continuation, query
from wherry.registry.verbs.query import Match
from wherry.registry.versions import custom_versions
from wherry.rules.kinds.conversion import convert
from wherry.store.protocol import Compacted, FutureRevision, Range, Record

EVENTS = "events"
#: seconds that a version seen elsewhere may take to be known here (k8s.io/apiserver/pkg/storage/cacher: blockTimeout)
FRESH_WITHIN = 3.0
TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue "
    "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided "
    "token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was "
    "returned and now may show up in the list."
)


async def get(core: Core, target: Target, resource_version: str = "") -> Record:
    """The object, as stored. Raises NotFound, Timeout (a version that has not happened), BadRequest."""
    version = query.parse_version(resource_version)
    await reach(core, version)
    at = target_key(core, target)
    record = core.store.known(at) if resource_version else await core.store.get(at)
    if record is None:
        raise errors.not_found(target.resource.group_resource, target.name)
    return await served(core, target.resource, record)


async def reach(core: Core, version: int) -> None:
    """Until this server knows of the version. Raises Timeout when it takes too long."""
    if version > core.store.revision and not await core.store.reach(version, FRESH_WITHIN):
        raise query.too_large_version(version, core.store.revision)


async def served(core: Core, resource: Resource, record: Record) -> Record:
    """The same for one record, whose conversion may take a webhook. Raises StatusError."""
    if resource.custom is not None:
        await custom_versions.prepare(core, resource, (record,))
    return as_served(core, resource, record)


def as_served(core: Core, resource: Resource, record: Record) -> Record:
    """The record in the version that was asked for; converted once per version and kept with the record."""
    if resource.custom is not None:
        return custom_versions.served(resource, record)
    storage = core.table.storage(resource)
    if storage is resource:
        return record
    if record.cache is None:
        record.cache = {}
    served: Record | None = record.cache.get(resource.api_version)
    if served is None:
        served = transient(convert(record.object(), storage, resource), record.revision, record.key)
        record.cache[resource.api_version] = served
    return served


async def list_(core: Core, target: Target, options: ListOptions) -> Page:
    """A page of the collection. Raises BadRequest, Invalid, Gone, Timeout."""
    query.check_list(options)
    resource = target.resource
    match = query.matcher(options.label_selector, options.field_selector, lambda: core.strategy(resource), namespaced=resource.namespaced)
    at = prefix(core.table.storage(resource), target.namespace)
    revision, after = await _start(core, options, at)
    limit = _limit(core, options, resource)
    if limit and match is not None:
        return await _filtered_page(core, resource, at, revision, after, limit, match)
    found = await _range(core, at, revision, after, limit)
    await custom_versions.prepare(core, resource, found.records)
    records = found.records if match is None else [r for r in found.records if match(as_served(core, resource, r).object())]
    token = continuation.encode(found.records[-1].key[len(at) :], found.revision) if found.remaining else ""
    return Page(_serve(core, resource, records), found.revision, token, found.remaining if token else None)


def _limit(core: Core, options: ListOptions, resource: Resource) -> int:
    """0: none. What may be of any age the reference serves whole, from its cache; events it does not cache.

    Source: k8s.io/apiserver/pkg/storage/cacher/cacher.go (computeListLimit).
    """
    if options.resource_version != "0" or options.continue_token:
        return options.limit
    return options.limit if core.table.storage(resource).group_resource == EVENTS else 0


async def _start(core: Core, options: ListOptions, at: str) -> tuple[int, str]:
    """(revision or 0 for newest, key after which to go on)."""
    if options.continue_token:
        if options.resource_version and options.resource_version != "0":
            raise BadRequest("specifying resource version is not allowed when using continue")
        token = continuation.decode(options.continue_token)
        await reach(core, token.revision)
        return max(token.revision, 0), at + token.start
    version = query.parse_version(options.resource_version)
    if not options.resource_version:
        await core.store.settle()
    await reach(core, version)
    exact = options.resource_version_match == "Exact" or (options.limit and version and not options.resource_version_match)
    return (version if exact else 0), ""


async def _range(core: Core, at: str, revision: int, after: str, limit: int) -> Range:
    try:
        return await core.store.range(at, revision=revision, after=after, limit=limit)
    except Compacted as error:
        if not after:
            raise Gone(f"The resourceVersion for the provided list is too old: {revision}") from error
        gone = Gone(TOO_OLD)
        gone.continue_token = continuation.encode(after[len(at) :], -1)
        raise gone from error
    except FutureRevision as error:
        raise query.too_large_version(revision, error.current) from error


async def _filtered_page(core: Core, resource: Resource, at: str, revision: int, after: str, limit: int, match: Match) -> Page:
    """Pages count what matches; how many remain is not said (the reference does not know either)."""
    kept: list[Record] = []
    while True:
        found = await _range(core, at, revision, after, max(limit, 500))
        revision = found.revision
        await custom_versions.prepare(core, resource, found.records)
        for record in found.records:
            if match(as_served(core, resource, record).object()):
                if len(kept) == limit:
                    return Page(_serve(core, resource, kept), revision, continuation.encode(kept[-1].key[len(at) :], revision))
                kept.append(record)
        if not found.remaining:
            return Page(_serve(core, resource, kept), revision)
        after = found.records[-1].key


def _serve(core: Core, resource: Resource, records: list[Record]) -> list[Record]:
    if resource.custom is None and core.table.storage(resource) is resource:
        return records
    return [as_served(core, resource, r) for r in records]
