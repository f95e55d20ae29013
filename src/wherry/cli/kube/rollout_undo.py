"""`rollout undo`: back to an earlier revision.

Source: kubectl pkg/cmd/rollout/rollout_undo.go, polymorphichelpers/rollback.go; --to-last-healthy, --wait, --atomic, --conflicts, --adopt,
--with-config and --force-stuck are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import CAUSE, DRY_RUN, FILES, OUTPUT, SELECTOR

if TYPE_CHECKING:
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube
    from wherry.rollout.rollout import Rollout, Undone

_FLAGS = joined((
    FILES, SELECTOR, DRY_RUN, OUTPUT, CAUSE,
    Flag("to-revision", "The revision to rollback to. Default to 0 (last revision).", kind="int"),
    Flag("to-last-healthy", "Go back to the last revision that is known to have been fully available.", kind="bool"),
    Flag("wait", "Follow the rollout that the undo starts until it is done.", kind="bool"),
    Flag("timeout", "With --wait: how long, zero means without end.", kind="duration", default=0.0),
    Flag("why", "With --wait: name the pods that hold the rollout up, and the cause.", kind="bool"),
    Flag("fail-fast", "With --wait: end with status 3 when the rollout cannot finish any more.", kind="bool"),
    Flag("live", "With --wait: show all rollouts on one screen.", kind="bool"),
    Flag("atomic", "Of several objects, undo all or none: every undo is tried as a dry run first, and put back when another fails.",
         kind="bool"),
    Flag("conflicts", "Show what the next apply of the last applied manifest would change back; --dry-run shows it too.", kind="bool"),
    Flag("adopt", "Bring the last applied configuration and the managed fields in line, so that they agree with the undo.", kind="bool"),
    Flag("with-config", "Also restore the ConfigMaps and Secrets that the revision ran with, as `rollout remember` kept them.",
         kind="bool"),
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
    from wherry.cli.kube.rollout_undo_all import put_back, rehearsed
    from wherry.rollout import RolloutError

    dry = dry_run(kube)
    _check(given)
    found = await gather(kube, query(kube))
    errors = list(found.errors)
    if given["atomic"]:
        errors += await rehearsed(kube, found.infos)
        if errors:
            kube.err("nothing was undone\n")
            collected(errors)
    done: list[Info] = []
    for info in found.infos:
        try:
            await _undo(kube, info, dry)
            done.append(info)
        except (StatusError, RolloutError, CommandError) as error:
            errors.append(error)
            if given["atomic"]:
                errors += await put_back(kube, done if dry == "none" else [])
                break
    collected(errors)
    if given["wait"] and dry == "none":
        await _wait(kube, found.infos)


def _check(given: Given) -> None:
    from wherry.cli.kube.errors import CommandError

    if not given.arguments and not given["filename"] and not given["kustomize"]:
        raise CommandError("required resource not specified")
    if given["to-last-healthy"] and given["to-revision"]:
        raise CommandError("--to-last-healthy and --to-revision exclude each other")
    if given["atomic"] and given["with-config"]:
        raise CommandError("--atomic and --with-config exclude each other: what was restored is not put back")


async def _wait(kube: Kube, infos: list[Info]) -> None:
    from wherry.cli.kube.errors import collected
    from wherry.cli.kube.rollout_status import follow

    if kube.given["live"]:
        from wherry.cli.kube.rollout_live import follow_all

        collected(await follow_all(kube, infos, timeout=kube.given["timeout"]))
        return
    errors = []
    for info in infos:
        info.object = {}
        failure = await follow(kube, info, timeout=kube.given["timeout"])
        errors += [failure] if failure else []
    collected(errors)


async def _undo(kube: Kube, info: Info, dry: str) -> None:
    from wherry.api.objects import annotations_of
    from wherry.cli.kube import program
    from wherry.cli.kube.printing import printer
    from wherry.cli.kube.rollout_undo_more import afterwards, before, freed, healthy, stuck_in, stuck_without
    from wherry.rollout import Rollout
    from wherry.rollout.adopt import LAST_APPLIED
    from wherry.rollout.targets import DEPLOYMENTS, Named
    from wherry.rollout.template_text import describe

    given, target = kube.given, Named(info.resource, info.name)
    number = given["to-revision"]
    if LAST_APPLIED in annotations_of(info.object) and not given["adopt"]:
        kube.err(_WARNING.format(shown=info.shown, program=program.name(), annotation=LAST_APPLIED))
    if given["to-last-healthy"]:
        number, running = await healthy(kube, info)
        if running and not given["with-config"]:
            stuck = await stuck_without(kube, info, Rollout(kube.client, target, info.namespace), number)
            why = "is the template already" if stuck else "is running and fully available"
            kube.out(printer(kube, f"skipped rollback (revision {number} {why})", dry=dry)(info.object))
            await freed(kube, info, dry, stuck)
            return
    rollout = Rollout(kube.client, target, info.namespace)
    if not number and (stuck := await stuck_in(kube, info, rollout)):
        why = "its pods are stuck in the revision before, which was undone already"
        kube.out(printer(kube, f"skipped rollback ({why})", dry=dry)(info.object))
        await freed(kube, info, dry, stuck)
        return
    stuck = await stuck_without(kube, info, rollout, number)
    restored = await before(kube, info, number, dry) if given["with-config"] else ""
    if dry == "client":
        _, chosen = await rollout.choose(number)
        template, text = chosen.template, describe(chosen.template)
        result = text if info.resource is DEPLOYMENTS else f"will roll back to {text}"
    else:
        undone = await _written(kube, rollout, number, dry)
        template = undone.template
        result = "rolled back" if undone.changed else f"skipped rollback (current template already matches revision {number})"
    kube.out(printer(kube, result, dry=dry)(info.object) + restored)
    await afterwards(kube, info, template, dry, stuck)


async def _written(kube: Kube, rollout: Rollout, number: int, dry: str) -> Undone:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError

    try:
        return await rollout.undo(number, dry_run=dry == "server", cause=kube.cause)
    except StatusError as error:
        if error.code == 404:
            raise
        raise CommandError(f"failed restoring revision {number}: {error.message}") from None


undo = KubeCommand("undo", _run, _FLAGS, usage="(TYPE NAME | TYPE/NAME)",
                   summary="Go back to an earlier revision: the one before, --to-revision, or --to-last-healthy.")
