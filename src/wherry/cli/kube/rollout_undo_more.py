"""What `rollout undo` does beyond kubectl's: where to go back to, the configuration of a revision, the next apply, stuck pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.cli.kube import program
from wherry.cli.kube.text.differences import lines
from wherry.rollout import Rollout
from wherry.rollout import last_healthy as known
from wherry.rollout.adopt import LAST_APPLIED, adopt, changed_back
from wherry.rollout.changes import without_hash
from wherry.rollout.stuck_pods import find, remove, revision_of
from wherry.rollout.targets import DEPLOYMENTS, Named
from wherry.rules.workloads.template_hash import same_template

if TYPE_CHECKING:
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube


async def healthy(kube: Kube, info: Info) -> tuple[int, bool]:
    """The number of the last revision that was fully available, and whether it is the running one. Raises NothingToUndo."""
    found = await known.find(kube.client, Named(info.resource, info.name), info.namespace)
    template = without_hash(found.template) if info.resource is DEPLOYMENTS else found.template
    return found.number, same_template(template, info.object["spec"]["template"])


async def before(kube: Kube, info: Info, number: int, dry: str) -> str:
    """Restore the configuration of the revision, so that its pods start with it; what to say of it. Raises NotRemembered."""
    from wherry.rollout.config_copies import remembered
    from wherry.rollout.remembering import remember, restore
    from wherry.rollout.revisions import revisions

    target = Named(info.resource, info.name)
    _, chosen = await Rollout(kube.client, target, info.namespace).choose(number)
    found = await revisions(kube.client, target, info.object)
    if dry == "none" and any(remembered(revision.source) for revision in found):
        await remember(kube.client, target, info.namespace)  # so that the undo can be undone
    changed = await restore(kube.client, chosen, info.namespace, dry_run=dry != "none")
    doing = "restored" if dry == "none" else "would be restored"
    return "".join(f"  {each} {doing} as revision {chosen.number} ran with it\n" for each in changed)


async def afterwards(kube: Kube, info: Info, template: Obj, dry: str, stuck: list[Obj]) -> None:
    """What kubectl leaves to its user: the last applied configuration, and pods that are stuck."""
    given = kube.given
    if given["conflicts"] or (dry != "none" and program.name() != "kubectl" and not given["adopt"]):
        _conflicts(kube, info, template)
    if dry != "none":
        return
    if given["adopt"]:
        done = await adopt(kube.client, Named(info.resource, info.name), info.namespace, info.object, template)
        if done.annotation:
            kube.out(f"  last applied configuration of {info.shown} brought in line\n")
        if done.fields:
            kube.out(f"  managed fields of {info.shown} given back to their manager\n")
    await freed(kube, info, dry, stuck)


async def stuck_without(kube: Kube, info: Info, rollout: Rollout, number: int) -> list[Obj]:
    """With --force-stuck: the pods of a StatefulSet that would hold up the way to that revision."""
    if not kube.given["force-stuck"] or info.resource.kind != "StatefulSet":
        return []
    _, chosen = await rollout.choose(number)
    return await find(kube.client, info.namespace, info.object, chosen.source["metadata"]["name"])


async def stuck_in(kube: Kube, info: Info, rollout: Rollout) -> list[Obj]:
    """With --force-stuck: the pods that are stuck in the very revision that an undo would go back to, because it was undone already."""
    if not kube.given["force-stuck"] or info.resource.kind != "StatefulSet":
        return []
    _, chosen = await rollout.choose(0)
    current = str((info.object.get("status") or {}).get("updateRevision", ""))
    name = chosen.source["metadata"]["name"]
    return [pod for pod in await find(kube.client, info.namespace, info.object, current) if revision_of(pod) == name]


async def freed(kube: Kube, info: Info, dry: str, stuck: list[Obj]) -> None:
    """The StatefulSet waits for these pods no longer."""
    if dry != "none":
        return
    for name in await remove(kube.client, info.namespace, stuck):
        kube.out(f"  pod {name} deleted: it was stuck in the abandoned revision\n")


def _conflicts(kube: Kube, info: Info, template: Obj) -> None:
    """On standard error with --dry-run alone, because standard output is the reference's there."""
    said = kube.out if kube.given["conflicts"] else kube.err
    found = changed_back(info.object, template, info.resource.schema)
    if found:
        said(f"the next apply of the last applied manifest would change back:\n{lines(found, color=kube.color, indent='  ')}")
    elif kube.given["conflicts"]:
        said("the last applied manifest agrees\n" if LAST_APPLIED in (info.object["metadata"].get("annotations") or {})
             else "there is no last applied manifest\n")
