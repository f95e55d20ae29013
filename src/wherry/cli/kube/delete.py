"""`delete`: removes objects and waits until they are gone.

Source: kubectl pkg/cmd/delete (delete.go, delete_flags.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import ALL, ALL_NAMESPACES, DRY_RUN, FIELD_SELECTOR, FILES, SELECTOR

if TYPE_CHECKING:
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, SELECTOR, FIELD_SELECTOR, ALL, ALL_NAMESPACES, DRY_RUN,
    Flag("cascade", 'Must be "background", "orphan", or "foreground".', default="background", bare="background"),
    Flag("force", "If true, immediately remove resources from API and bypass graceful deletion.", kind="bool"),
    Flag("grace-period", "Period of time in seconds given to the resource to terminate gracefully. Ignored if negative.", kind="int",
         default=-1),
    Flag("ignore-not-found", 'Treat "resource not found" as a successful delete.', kind="bool"),
    Flag("now", "If true, resources are signaled for immediate shutdown (same as --grace-period=1).", kind="bool"),
    Flag("wait", "If true, wait for resources to be gone before returning.", kind="bool", default=True),
    Flag("timeout", "The length of time to wait before giving up on a delete, zero means determine a timeout from the size of the object.",
         kind="duration", default=0.0),
    Flag("output", 'Output mode. Use "-o name" for shorter output (resource/name).', short="o"),
    Flag("interactive", "If true, delete resource only when user confirms.", short="i", kind="bool"),
))
_CASCADES = {"background": "Background", "orphan": "Orphan", "foreground": "Foreground", "true": "Background", "false": "Orphan"}
WEEK = 7 * 24 * 3600.0


async def _run(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import collected, with_source
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.printing import dry_run

    grace = _grace(kube, given)
    dry = dry_run(kube)
    asked = query(kube, latest=False, everything=False, fetch=False)
    found = await gather(kube, asked)
    errors = list(found.errors)
    selecting = bool(given["all"] or given["selector"] or given["field-selector"])
    ignore = given["ignore-not-found"] if given.said("ignore-not-found") else selecting
    if given["interactive"] and not _confirmed(kube, found.infos):
        return
    deleted: list[tuple[Info, str]] = []
    for info in found.infos:
        try:
            uid = "" if dry == "client" else await _delete(kube, given, info, grace, dry)
            deleted.append((info, uid))
            kube.out(_said(given, info, grace, dry))
        except StatusError as error:
            if not (ignore and error.reason == "NotFound"):
                errors.append(with_source(error, "deleting", info.source))
    collected(errors)
    if not found.infos:
        kube.out("No resources found\n")
    if given["wait"] and dry == "none":
        await _gone(kube, given, deleted)


def _grace(kube: Kube, given: Given) -> int:
    """Seconds; -1: the object's own. Raises CommandError."""
    from wherry.cli.kube.errors import CommandError

    if given["cascade"] not in _CASCADES:
        raise CommandError(f'invalid cascade value ({given["cascade"]}). Must be "background", "foreground", or "orphan"')
    if given["output"] not in ("", "name"):
        raise CommandError(f"unexpected -o output mode: {given['output']}. We only support '-o name'")
    if given["all"] and given["selector"]:
        raise CommandError("cannot set --all and --selector at the same time")
    if given["all"] and given["field-selector"]:
        raise CommandError("cannot set --all and --field-selector at the same time")
    grace: int = given["grace-period"]
    if given["now"]:
        if grace != -1:
            raise CommandError("--now and --grace-period cannot be specified together")
        grace = 1
    if grace == 0 and not given["force"]:
        return 1
    if given["force"] and grace > 0:
        raise CommandError("--force and --grace-period greater than 0 cannot be specified together")
    if given["force"]:
        kube.err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. "
                 "The resource may continue to run on the cluster indefinitely.\n")
        return 0
    return grace


def _confirmed(kube: Kube, infos: list[Info]) -> bool:
    from wherry.cli.kube.printing import kind_of

    if not infos:
        kube.out("No resources found\n")
        return False
    lines = "".join(f"{kind_of({'apiVersion': i.resource.api_version, 'kind': i.resource.kind})}/{i.name}\n" for i in infos)
    kube.out(f"You are about to delete the following {len(infos)} resource(s):\n{lines}Do you want to continue? (y/N): ")
    try:
        answer = input()
    except EOFError:
        answer = ""
    if answer.strip().lower() != "y":
        kube.out("deletion is cancelled\n")
        return False
    return True


async def _delete(kube: Kube, given: Given, info: Info, grace: int, dry: str) -> str:
    """The uid of what was deleted."""
    from wherry.api.options import DeleteOptions

    options = DeleteOptions(grace if grace >= 0 else None, _CASCADES[given["cascade"]], dry_run=dry == "server")
    answer = await kube.client.delete(info.resource, info.namespace, info.name, options)
    if answer.get("kind") == "Status":
        return str((answer.get("details") or {}).get("uid", ""))
    return str((answer.get("metadata") or {}).get("uid", ""))


def _said(given: Given, info: Info, grace: int, dry: str) -> str:
    from wherry.cli.kube.printing import DRY_RUNS, kind_of

    kind = kind_of({"apiVersion": info.resource.api_version, "kind": info.resource.kind})
    if given["output"] == "name":
        return f"{kind}/{info.name}\n"
    done = "force deleted" if grace == 0 else "deleted"
    where = f" from {info.namespace} namespace" if info.resource.namespaced else ""
    return f'{kind} "{info.name}" {done}{where}{DRY_RUNS[dry]}\n'


async def _gone(kube: Kube, given: Given, deleted: list[tuple[Info, str]]) -> None:
    import asyncio

    from wherry.api.errors import Forbidden, MethodNotAllowed
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.client.follow import until_gone

    errors: list[Exception] = []
    for info, uid in deleted:
        try:
            async with asyncio.timeout(given["timeout"] or WEEK):
                await until_gone(kube.client, info.resource, info.namespace, info.name, uid)
        except TimeoutError:
            errors.append(CommandError(f"timed out waiting for the condition on {info.shown}"))
        except (Forbidden, MethodNotAllowed):
            return
    collected(errors)


delete = KubeCommand("delete", _run, _FLAGS, usage="([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])",
                     summary="Delete objects by files, by names, or by type and selector, and wait until they are gone.")
