"""Server-side apply of one object, and the move of an object from client-side to server-side apply.

Called by `apply`. Two things are done once for an object that was applied from the client before: the annotation of what was applied last
gets a manager of its own, so that it stays, and the fields that the client-side manager owns pass to the new one, so that they can go.
Source: kubectl pkg/cmd/apply/apply.go (saveLastApplyAnnotationIfNecessary, migrateToSSAIfNecessary), client-go util/csaupgrade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.errors import Conflict, StatusError, UnsupportedMediaType
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, JSON_PATCH, WriteOptions
from wherry.cli.kube.applied import LAST_APPLIED, owners
from wherry.cli.kube.errors import CommandError
from wherry.cli.kube.managed import migrated
from wherry.cli.kube.text.values import compact

if TYPE_CHECKING:
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

DEFAULT = "kubectl"
KEEPER = "kubectl-last-applied"
TRIES = 5
_CONFLICT = """{error}
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"""


async def apply_server(kube: Kube, info: Info, manager: str, dry_run: bool, validation: str) -> str:
    """Always "serverside-applied"; `info.object` becomes the result."""
    from wherry.cli.kube.apply import warn_deleting

    body = compact(info.object).encode()
    options = WriteOptions(field_manager=manager, dry_run=dry_run, field_validation=validation, force=kube.given["force-conflicts"])
    info.object = await _send(kube, info, body, options)
    try:
        await _keep_annotation(kube, info, manager, options)
        if await _migrate(kube, info, manager):
            info.object = await _send(kube, info, body, options)
    except (StatusError, CommandError) as error:
        kube.err("Warning: server rejected managed fields migration to Server-Side Apply. This is non-fatal and will be retried next time "
                 f"you apply. Error: {error}\n")
    warn_deleting(kube, info.object)
    return "serverside-applied"


async def _send(kube: Kube, info: Info, body: bytes, options: WriteOptions) -> Obj:
    try:
        return await kube.client.patch(info.resource, info.namespace, info.name, body, APPLY_PATCH, subresource=kube.given["subresource"],
                                       options=options)
    except UnsupportedMediaType as error:
        raise CommandError(f"Server-side apply not available on the server: ({error.message})") from None
    except Conflict as error:
        raise CommandError(_CONFLICT.format(error=error.message)) from None


async def _keep_annotation(kube: Kube, info: Info, manager: str, options: WriteOptions) -> None:
    """Give the annotation a manager of its own, unless it has one or is not there."""
    notes = info.object["metadata"].get("annotations") or {}
    if manager != DEFAULT or LAST_APPLIED not in notes or owners(info.object, "Apply"):
        return
    meta = {"name": info.name, "annotations": {LAST_APPLIED: notes[LAST_APPLIED]},
            **({"namespace": info.namespace} if info.namespace else {})}
    only = {"apiVersion": info.resource.api_version, "kind": info.resource.kind, "metadata": meta}
    keep = WriteOptions(field_manager=KEEPER, dry_run=options.dry_run, field_validation=options.field_validation)
    info.object = await kube.client.patch(info.resource, info.namespace, info.name, compact(only).encode(), APPLY_PATCH, options=keep)


async def _migrate(kube: Kube, info: Info, manager: str) -> bool:
    """Pass what client-side managers own to `manager`. False: there was nothing to pass."""
    for attempt in range(TRIES):
        names = set(owners(info.object, "Update"))
        entries = migrated(info.object["metadata"].get("managedFields") or [], names, manager) if names else None
        if entries is None:
            return False
        version = info.object["metadata"]["resourceVersion"]
        patch = [{"op": "replace", "path": "/metadata/managedFields", "value": entries},
                 {"op": "replace", "path": "/metadata/resourceVersion", "value": version}]
        try:
            info.object = await kube.client.patch(info.resource, info.namespace, info.name, patch, JSON_PATCH,
                                                  options=WriteOptions(field_manager=manager))
            return True
        except Conflict:
            if attempt == TRIES - 1:
                raise
            info.object = await kube.client.get(info.resource, info.namespace, info.name)
    return False
