"""`rollout undo`: back to an earlier revision.

Source: kubectl pkg/cmd/rollout/rollout_undo.go, polymorphichelpers/rollback.go; --wait, --atomic, --conflicts, --adopt and --force-stuck
are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import CAUSE, DRY_RUN, FILES, OUTPUT, SELECTOR

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, SELECTOR, DRY_RUN, OUTPUT, CAUSE,
    Flag("to-revision", "The revision to rollback to. Default to 0 (last revision).", kind="int"),
    Flag("wait", "Follow the rollout that the undo starts until it is done.", kind="bool"),
    Flag("timeout", "With --wait: how long, zero means without end.", kind="duration", default=0.0),
    Flag("why", "With --wait: name the pods that hold the rollout up, and the cause.", kind="bool"),
    Flag("fail-fast", "With --wait: end with status 3 when the rollout cannot finish any more.", kind="bool"),
    Flag("atomic", "Of several objects, undo all or none: every undo is tried as a dry run first.", kind="bool"),
    Flag("conflicts", "Show what the next apply of the last applied manifest would change back.", kind="bool"),
    Flag("adopt", "Bring the last applied configuration in line, so that it agrees with the undo.", kind="bool"),
    Flag("force-stuck", "Of a StatefulSet, delete the pods that are stuck in the abandoned revision.", kind="bool"),
))
_WARNING = ("Warning: resource {shown} was previously managed with '{program} apply'. Rolling back will not update the {annotation} "
            "annotation, which may cause unexpected behavior on future '{program} apply' operations. Consider using '{program} apply' with "
            "your previous configuration file instead.\n")


async def _run(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.printing import dry_run
    from wherry.cli.kube.rollout_status import follow
    from wherry.rollout import RolloutError

    dry = dry_run(kube)
    if not given.arguments and not given["filename"] and not given["kustomize"]:
        raise CommandError("required resource not specified")
    found = await gather(kube, query(kube))
    errors = list(found.errors)
    if given["atomic"]:
        errors += await _rehearsed(kube, found.infos)
        if errors:
            kube.err("nothing was undone\n")
            collected(errors)
    for info in found.infos:
        try:
            await _undo(kube, info, dry)
        except (StatusError, RolloutError, CommandError) as error:
            errors.append(error)
    collected(errors)
    if given["wait"] and dry == "none":
        for info in found.infos:
            info.object = {}
            failure = await follow(kube, info, timeout=given["timeout"])
            errors += [failure] if failure else []
        collected(errors)


async def _rehearsed(kube: Kube, infos: list[Info]) -> list[Exception]:
    """What would go wrong."""
    from wherry.api.errors import StatusError
    from wherry.rollout import Rollout, RolloutError
    from wherry.rollout.targets import Named

    errors: list[Exception] = []
    for info in infos:
        try:
            rollout = Rollout(kube.client, Named(info.resource, info.name), info.namespace, known=info.object)
            await rollout.undo(kube.given["to-revision"], dry_run=True, cause=kube.cause)
        except (StatusError, RolloutError) as error:
            errors.append(error)
    return errors


async def _undo(kube: Kube, info: Info, dry: str) -> None:
    from wherry.api.errors import StatusError
    from wherry.api.objects import annotations_of
    from wherry.cli.kube import program
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.printing import printer
    from wherry.rollout import Rollout
    from wherry.rollout.adopt import LAST_APPLIED
    from wherry.rollout.targets import DEPLOYMENTS, Named
    from wherry.rollout.template_text import describe

    given = kube.given
    number = given["to-revision"]
    if LAST_APPLIED in annotations_of(info.object) and not given["adopt"]:
        kube.err(_WARNING.format(shown=info.shown, program=program.name(), annotation=LAST_APPLIED))
    rollout = Rollout(kube.client, Named(info.resource, info.name), info.namespace)
    if dry == "client":
        _, chosen = await rollout.choose(number)
        template, text = chosen.template, describe(chosen.template)
        result = text if info.resource is DEPLOYMENTS else f"will roll back to {text}"
    else:
        try:
            undone = await rollout.undo(number, dry_run=dry == "server", cause=kube.cause)
        except StatusError as error:
            if error.code == 404:
                raise
            raise CommandError(f"failed restoring revision {number}: {error.message}") from None
        template = undone.template
        result = "rolled back" if undone.changed else f"skipped rollback (current template already matches revision {number})"
    kube.out(printer(kube, result, dry=dry)(info.object))
    await _afterwards(kube, info, template, dry)


async def _afterwards(kube: Kube, info: Info, template: Obj, dry: str) -> None:
    """What kubectl leaves to its user: the last applied configuration, and pods that are stuck."""
    from wherry.cli.kube.text.differences import lines
    from wherry.rollout.adopt import adopted, changed_back
    from wherry.rollout.stuck_pods import remove

    if kube.given["conflicts"]:
        found = changed_back(info.object, template, info.resource.schema)
        kube.out(f"the next apply of the last applied manifest would change back:\n{lines(found, color=kube.color, indent='  ')}" if found
                 else "the last applied manifest agrees\n")
    if dry != "none":
        return
    if kube.given["adopt"] and (change := adopted(info.object, template)) is not None:
        await kube.client.patch(info.resource, info.namespace, info.name, change.patch, change.patch_type)
        kube.out(f"  last applied configuration of {info.shown} brought in line\n")
    if kube.given["force-stuck"] and info.resource.kind == "StatefulSet":
        for name in await remove(kube.client, info.namespace, info.object):
            kube.out(f"  pod {name} deleted: it was stuck in the abandoned revision\n")


undo = KubeCommand("undo", _run, _FLAGS, usage="(TYPE NAME | TYPE/NAME)",
                   summary="Go back to an earlier revision: the one before, or --to-revision.")
