"""`apply`: makes objects as files say, by a three-way merge here or by server-side apply.

Source: kubectl pkg/cmd/apply (apply.go, patcher.go, prune.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube import program
from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import DRY_RUN, FILES, OUTPUT, RECORD, SELECTOR, VALIDATE

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, SELECTOR, DRY_RUN, OUTPUT, RECORD, VALIDATE,
    Flag("server-side", "If true, apply runs in the server instead of the client.", kind="bool"),
    Flag("force-conflicts", "If true, server-side apply will force the changes against conflicts.", kind="bool"),
    Flag("field-manager", "Name of the manager used to track field ownership.", default="kubectl-client-side-apply"),
    Flag("force", "If true, immediately remove resources that cannot be patched and create them again.", kind="bool"),
    Flag("overwrite", "Automatically resolve conflicts between the modified and live configuration by using values of the former.",
         kind="bool",
         default=True),
    Flag("subresource", "Operate on the subresource of the requested object (server-side only)."),
    Flag("prune", "Delete objects that were applied before and are in no file any more; with --all or a selector.", kind="bool"),
    Flag("prune-allowlist", "The kinds that --prune may delete, as <group/version/kind>; can be repeated.", kind="array"),
    Flag("all", "With --prune: whatever its labels.", kind="bool"),
    Flag("applyset", "Not supported.", hidden=True),
))
_NO_ANNOTATION = ("Warning: resource {shown} is missing the {annotation} annotation which is required by {program} apply. {program} apply "
                  "should only be used on resources created declaratively by either {program} create --save-config or {program} apply. "
                  "The missing annotation will be patched automatically.\n")


async def _run(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.create import directive
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.printing import as_list, dry_run, printer
    from wherry.cli.kube.prune import allowed, check, prune

    dry = dry_run(kube)
    _check(given, dry)
    check(kube)
    rows = await allowed(kube) if given["prune"] else []
    if given.arguments:
        raise CommandError(f"Unexpected args: [{' '.join(given.arguments)}]\nSee '{program.name()} apply -h' for help and examples")
    found = await gather(kube, query(kube, latest=False, all=False, strict=directive(given) != "Ignore"))
    if not found.infos and not found.errors:
        raise CommandError("no objects passed to apply")
    errors = list(found.errors)
    for info in found.infos:
        try:
            done = await _one(kube, given, info, dry, directive(given))
            if given["output"] in ("", "name"):
                kube.out(printer(kube, done, dry=dry)(info.object))
        except (StatusError, CommandError) as error:
            errors.append(error)
    if errors:
        collected(errors)
    if given["output"] not in ("", "name"):
        objects = [info.object for info in found.infos]
        kube.out(printer(kube, "", dry=dry)(objects[0] if len(objects) == 1 else {**as_list(objects), "metadata": {}}))
    await prune(kube, found.infos, rows, printer(kube, "pruned", dry=dry), dry)


def _check(given: Given, dry: str) -> None:
    from wherry.cli.kube.errors import CommandError

    if not given["filename"] and not given["kustomize"]:
        raise CommandError("must specify one of -f and -k")
    if given["force-conflicts"] and not given["server-side"]:
        raise CommandError("--force-conflicts only works with --server-side")
    if given["force"] and given["server-side"]:
        raise CommandError("--force cannot be used with --server-side")
    if dry == "client" and given["server-side"]:
        raise CommandError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
    if dry == "server" and given["force"]:
        raise CommandError("--dry-run=server cannot be used with --force")
    if given["subresource"] and not given["server-side"]:
        raise CommandError("--subresource can only be specified for --server-side")
    if not given["overwrite"]:
        raise CommandError("--overwrite=false is not supported: use --server-side, which finds conflicts by who owns a field")


async def _one(kube: Kube, given: Given, info: Info, dry: str, validation: str) -> str:
    """Apply one object; the word for what happened. `info.object` becomes the result."""
    from wherry.cli.kube.apply_client import apply_client
    from wherry.cli.kube.apply_server import apply_server
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.recording import recorded

    info.object = recorded(info.object, kube.cause)
    meta = info.object.get("metadata") or {}
    if not info.name and meta.get("generateName"):
        raise CommandError(f"from {meta['generateName']}: cannot use generate name with apply")
    if given["server-side"]:
        manager = given["field-manager"] if given.said("field-manager") else "kubectl"
        return await apply_server(kube, info, manager, dry == "server", validation)
    return await apply_client(kube, info, dry, validation)


def warn_missing(kube: Kube, info: Info, live: Obj) -> None:
    """Say when the object was made by other means."""
    from wherry.cli.kube.applied import LAST_APPLIED

    if LAST_APPLIED not in (live["metadata"].get("annotations") or {}):
        kube.err(_NO_ANNOTATION.format(shown=info.shown, annotation=LAST_APPLIED, program=program.name()))


def warn_deleting(kube: Kube, obj: Obj) -> None:
    if obj["metadata"].get("deletionTimestamp"):
        kube.err(f"Warning: Detected changes to resource {obj['metadata']['name']} which is currently being deleted.\n")


apply = KubeCommand("apply", _run, _FLAGS, usage="(-f FILENAME | -k DIRECTORY)",
                    summary="Make objects as files say: create what is missing, change what differs, remove what is not said any more.")
