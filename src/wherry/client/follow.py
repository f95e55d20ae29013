"""One object followed through all its changes, on any client, across watches that end.

Called by whatever waits for one object: the status of a rollout, `wait`, a deletion. Yields the object as it is first, then every version a
watch shows; None when it is not there (any more). A watch that ends or is too old is begun again from a fresh read, so nothing is missed
for good, though versions in between may be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from wherry.api.errors import Gone, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.client.protocol import Client

#: seconds before a watch that ended at once is begun again
PAUSE = 0.2


async def follow(client: Client, resource: Resource, namespace: str, name: str, first: Obj | None = None) -> AsyncIterator[Obj | None]:
    """`first`: the object as the caller has read it already. Raises StatusError when reading fails for another reason than NotFound."""
    seen = ""
    while True:
        version, current = await _read(client, resource, namespace, name, first)
        first = None
        if current is None or version != seen:
            yield current
        seen = version
        try:
            stream = client.watch(resource, namespace, resource_version=version, field_selector=f"metadata.name={name}")
            async with aclosing(stream) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    for event in batch:
                        if event.type != "BOOKMARK":
                            seen = event.object["metadata"]["resourceVersion"]
                            yield None if event.type == "DELETED" else event.object
        except Gone:
            continue
        await asyncio.sleep(PAUSE)


async def _read(client: Client, resource: Resource, namespace: str, name: str, first: Obj | None) -> tuple[str, Obj | None]:
    """A version to watch from, and the object or None. A list gives a version even when there is no object."""
    if first is not None:
        return first["metadata"]["resourceVersion"], first
    try:
        found = await client.get(resource, namespace, name)
    except NotFound:
        listing = await client.list(resource, namespace, field_selector=f"metadata.name={name}")
        if not listing.items:
            return listing.resource_version, None
        found = listing.items[0]
    return found["metadata"]["resourceVersion"], found


async def until_gone(client: Client, resource: Resource, namespace: str, name: str, uid: str = "") -> None:
    """Returns when no object of that name (and uid) is there."""
    try:
        first: Obj | None = await client.get(resource, namespace, name)
    except NotFound:
        return
    async with aclosing(follow(client, resource, namespace, name, first)) as versions:  # type: ignore[type-var]
        async for version in versions:
            if version is None or (uid and version["metadata"].get("uid") != uid):
                return
    raise StatusError("the watch ended")
