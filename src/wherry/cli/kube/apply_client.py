"""Client-side apply of one object: create it, or patch it by what was applied last, what is wanted and what is live.

Called by `apply`. A conflict reads again and tries again, as the object may have been written in between.
Source: kubectl pkg/cmd/apply (apply.go applyOneObject, patcher.go).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wherry.api.errors import Conflict, Invalid, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH, STRATEGIC_PATCH, DeleteOptions, PatchType, WriteOptions
from wherry.api.schema import Node, definition
from wherry.cli.kube.applied import annotated, original, pruned
from wherry.cli.kube.errors import CommandError, with_source
from wherry.cli.kube.text.values import compact
from wherry.client.follow import until_gone
from wherry.rules.writing.patch import apply as apply_patch
from wherry.rules.writing.patch import three_way

if TYPE_CHECKING:
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

TRIES, AT_ONCE, PAUSE = 5, 1, 1.0


async def apply_client(kube: Kube, info: Info, dry: str, validation: str) -> str:
    """created, configured or unchanged; `info.object` becomes the result. Raises StatusError with the file's name in front."""
    from wherry.cli.kube.apply import warn_deleting, warn_missing

    wanted = annotated(info.object)
    options = WriteOptions(field_manager=kube.given["field-manager"], dry_run=dry == "server", field_validation=validation)
    try:
        live = await kube.client.get(info.resource, info.namespace, info.name)
    except NotFound:
        return await _create(kube, info, pruned(wanted), options, dry)
    except StatusError as error:
        raise with_source(error, f"retrieving current configuration of:\n{_described(info)}\nfrom server for:", info.source) from None
    warn_missing(kube, info, live)
    try:
        result, changed = await _patch(kube, info, live, wanted, options, dry)
    except (Conflict, Invalid):
        if not kube.given["force"]:
            raise
        result, changed = await _replace(kube, info, wanted, options), True
    info.object = {"apiVersion": info.resource.api_version, "kind": info.resource.kind, **result}
    warn_deleting(kube, info.object)
    return "configured" if changed else "unchanged"


def _explained(error: StatusError, info: Info, patch: str) -> Exception:
    """What was tried, in front of the error; an invalid object is shown by its causes alone."""
    inner = with_source(error, "patching", info.source)
    return with_source(inner, f"applying patch:\n{patch}\nto:\n{_described(info)}\nfor:", info.source)


def _described(info: Info) -> str:
    row = info.resource
    version = f"{row.group}/{row.version}"
    return (f'Resource: "{version}, Resource={row.plural}", GroupVersionKind: "{version}, Kind={row.kind}"\n'
            f'Name: "{info.name}", Namespace: "{info.namespace}"')


async def _create(kube: Kube, info: Info, wanted: Obj, options: WriteOptions, dry: str) -> str:
    info.object = wanted
    if dry != "client":
        try:
            info.object = await kube.client.create(info.resource, info.namespace, wanted, options=options)
        except StatusError as error:
            raise with_source(error, "creating", info.source) from None
    return "created"


def _node(info: Info) -> Node | None:
    """The kind's schema; None for custom resources."""
    try:
        return definition(info.resource.schema)
    except KeyError:
        return None


def computed(info: Info, live: Obj, wanted: Obj) -> tuple[Obj, PatchType]:
    """The patch from live to wanted that also removes what was applied last and is not wanted any more."""
    before, node = original(live), _node(info)
    if node is None:
        patch = three_way.json_merge(before, wanted, live)
        if {"apiVersion", "kind"} & patch.keys():
            raise CommandError("At least one of apiVersion, kind and name was changed")
        return patch, MERGE_PATCH
    return three_way.strategic(before, wanted, live, node), STRATEGIC_PATCH


async def _patch(kube: Kube, info: Info, live: Obj, wanted: Obj, options: WriteOptions, dry: str) -> tuple[Obj, bool]:
    for attempt in range(TRIES + 1):
        patch, patch_type = computed(info, live, wanted)
        if not patch:
            return live, False
        if dry == "client":
            return apply_patch(patch_type, live, patch, _node(info)), True
        text = compact(patch)
        try:
            return await kube.client.patch(info.resource, info.namespace, info.name, text.encode(), patch_type, options=options), True
        except StatusError as error:
            if not isinstance(error, Conflict) or attempt == TRIES:
                raise _explained(error, info, text) from None
            if attempt >= AT_ONCE:
                await asyncio.sleep(PAUSE)
            live = await kube.client.get(info.resource, info.namespace, info.name)
    raise AssertionError("unreachable")


async def _replace(kube: Kube, info: Info, wanted: Obj, options: WriteOptions) -> Obj:
    """--force: delete, and create again."""
    await kube.client.delete(info.resource, info.namespace, info.name, DeleteOptions(propagation_policy="Background"))
    await until_gone(kube.client, info.resource, info.namespace, info.name)
    return await kube.client.create(info.resource, info.namespace, wanted, options=options)
