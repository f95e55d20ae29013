"""`rollout history`: the revisions of an object, or one of them in full.

Source: kubectl pkg/cmd/rollout/rollout_history.go, polymorphichelpers/history.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import FILES, OUTPUT, SELECTOR

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube
    from wherry.rollout.revisions import Revision

_FLAGS = joined((
    FILES, SELECTOR, OUTPUT,
    Flag("revision", "See the details, including podTemplate of the revision specified.", kind="int"),
    Flag("diff", "Show what each revision changed.", kind="bool"),
))


async def _run(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.rollout import RolloutError

    if not given.arguments and not given["filename"] and not given["kustomize"]:
        raise CommandError("required resource not specified")
    if given["revision"] < 0:
        raise CommandError(f"revision must be a positive integer: {given['revision']}")
    found = await gather(kube, query(kube))
    errors = list(found.errors)
    for info in found.infos:
        try:
            await _show(kube, given, info)
        except (StatusError, RolloutError, CommandError) as error:
            errors.append(error)
    collected(errors)


async def _show(kube: Kube, given: Given, info: Info) -> None:
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.printing import named, whole
    from wherry.cli.kube.text.history import changes, details, listing, wide
    from wherry.rollout import Rollout
    from wherry.rollout.targets import Named

    revisions = await Rollout(kube.client, Named(info.resource, info.name), info.namespace, known=info.object).history()
    number = given["revision"]
    if number:
        revisions = [r for r in revisions if r.number == number]
        if not revisions:
            raise CommandError("unable to find the specified revision")
    if given["output"] not in ("", "wide"):
        show = whole(kube, given["output"])
        for revision in revisions:
            kube.out(show(_object(info, revision)))
        return
    start = named(info.object).rstrip("\n")
    if given["diff"]:
        kube.out(f"{start}\n{changes(revisions, info.object, kube.now(), color=kube.color)}")
    elif number:
        kube.out(f"{start} with revision #{number}\n{details(revisions[0])}\n")
    elif given["output"] == "wide":
        kube.out(f"{start}\n{wide(revisions, info.object, kube.now())}\n")
    else:
        kube.out(f"{start} \n{listing(revisions)}\n")


def _object(info: Info, revision: Revision) -> Obj:
    """The ReplicaSet of a revision, or the object as it was."""
    from wherry.rollout.revisions import applied
    from wherry.rollout.targets import DEPLOYMENTS

    return revision.source if info.resource is DEPLOYMENTS else applied(info.resource, info.object, revision.source)


history = KubeCommand("history", _run, _FLAGS, usage="(TYPE NAME | TYPE/NAME)",
                      summary="Show the revisions of a rollout; -o wide adds age, size and images, --diff what each changed.")
