"""`scale`: how many replicas an object shall have.

Source: kubectl pkg/cmd/scale/scale.go, pkg/scale/scale.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import ALL, DRY_RUN, FILES, OUTPUT, RECORD, RESOURCE_VERSION, SELECTOR

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, SELECTOR, ALL, DRY_RUN, OUTPUT, RECORD, RESOURCE_VERSION,
    Flag("replicas", "The new desired number of replicas. Required.", kind="int", required=True),
    Flag("current-replicas", "Precondition for current size. -1 (default) for no condition.", kind="int", default=-1),
    Flag("timeout", "The length of time to wait before giving up on a scale operation, zero means don't wait.", kind="duration",
         default=0.0),
))
#: seconds for which a conflict is tried again, and between tries
RETRY_FOR, RETRY_EVERY = 300.0, 1.0


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.printing import dry_run, printer
    from wherry.cli.kube.recording import merge_patch

    if given["replicas"] < 0:
        raise CommandError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    if given["current-replicas"] < -1:
        raise CommandError("The --current-replicas must specify an integer of -1 or greater")
    dry = dry_run(kube)
    found = await gather(kube, query(kube, latest=False, everything=given["all"]))
    if given["resource-version"] and len(found.infos) > 1:
        raise CommandError("cannot use --resource-version with multiple resources")
    if not found.infos:
        collected(found.errors)
        raise CommandError("no objects passed to scale")
    show = printer(kube, "scaled", dry=dry)
    for info in found.infos:
        size = given["replicas"]
        if dry != "client":
            size = await _scale(kube, given, info, dry == "server")
            if patch := merge_patch(info.object, kube.cause):
                await _record(kube, info, patch)
        kube.out(show(_resized(info.object, size)))
    collected(found.errors)


def _resized(obj: Obj, size: int) -> Obj:
    """Of built-in kinds the size stands in spec.replicas."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    return {**obj, "spec": {**(obj.get("spec") or {}), "replicas": size}} if group in ("", "apps") else obj


async def _scale(kube: Kube, given: Given, info: Info, dry: bool) -> int:
    import asyncio

    from wherry.api.errors import Conflict

    tries = int(RETRY_FOR / RETRY_EVERY)
    for left in range(tries, -1, -1):
        try:
            scale = await _once(kube, given, info, dry)
            break
        except Conflict:
            if not left:
                raise
            await asyncio.sleep(RETRY_EVERY)
    if given["timeout"] and not dry:
        await _wait(kube, given, info)
    return int((scale.get("spec") or {}).get("replicas", 0))


async def _once(kube: Kube, given: Given, info: Info, dry: bool) -> Obj:
    from wherry.api.options import MERGE_PATCH, WriteOptions
    from wherry.cli.kube.errors import CommandError

    options = WriteOptions(dry_run=dry)
    if given["current-replicas"] == -1 and not given["resource-version"]:
        patch = {"spec": {"replicas": given["replicas"]}}
        return await kube.client.patch(info.resource, info.namespace, info.name, patch, MERGE_PATCH, subresource="scale", options=options)
    scale = await kube.client.get(info.resource, info.namespace, info.name, subresource="scale")
    current, version = (scale.get("spec") or {}).get("replicas", 0), scale["metadata"].get("resourceVersion", "")
    if given["current-replicas"] not in (-1, current):
        raise CommandError(f"Expected replicas to be {given['current-replicas']}, was {current}")
    if given["resource-version"] and given["resource-version"] != version:
        raise CommandError(f"Expected resource version to be {given['resource-version']}, was {version}")
    wanted = {**scale, "spec": {**(scale.get("spec") or {}), "replicas": given["replicas"]}}
    return await kube.client.update(info.resource, wanted, subresource="scale", options=options)


async def _wait(kube: Kube, given: Given, info: Info) -> None:
    import asyncio

    from wherry.cli.kube.errors import CommandError

    try:
        async with asyncio.timeout(given["timeout"]):
            while True:
                scale = await kube.client.get(info.resource, info.namespace, info.name, subresource="scale")
                wanted = (scale.get("spec") or {}).get("replicas", 0)
                if wanted != given["replicas"] or (scale.get("status") or {}).get("replicas", 0) == wanted:
                    return
                await asyncio.sleep(RETRY_EVERY)
    except TimeoutError:
        raise CommandError(f'timed out waiting for "{info.name}" to be synced') from None


async def _record(kube: Kube, info: Info, patch: Obj) -> None:
    """The reference goes on when this second request fails; so does this."""
    from contextlib import suppress

    from wherry.api.errors import StatusError
    from wherry.api.options import MERGE_PATCH

    with suppress(StatusError):
        await kube.client.patch(info.resource, info.namespace, info.name, patch, MERGE_PATCH)


scale = KubeCommand("scale", _run, _FLAGS,
                    usage="[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)",
                    summary="Set a new size for a Deployment, ReplicaSet, StatefulSet or any other kind that can be scaled.")
