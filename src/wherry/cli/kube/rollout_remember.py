"""`rollout remember`: keeps copies of the ConfigMaps and Secrets that the running revision refers to, for `undo --with-config`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import FILES, SELECTOR

if TYPE_CHECKING:
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, SELECTOR,
    Flag("always", "Also annotate the object, so that a wherry cluster remembers the configuration of every later revision.", kind="bool"),
    Flag("output", "json: one JSON value a line.", short="o"),
))


async def _run(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.rollout import RolloutError

    if not given.arguments and not given["filename"] and not given["kustomize"]:
        raise CommandError("required resource not specified")
    if given["output"] not in ("", "json"):
        raise CommandError(f'unable to match a printer suitable for the output format "{given["output"]}", allowed formats are: json')
    found = await gather(kube, query(kube))
    errors = list(found.errors)
    for info in found.infos:
        try:
            await _remember(kube, info)
        except (StatusError, RolloutError) as error:
            errors.append(error)
    collected(errors)


async def _remember(kube: Kube, info: Info) -> None:
    from dataclasses import asdict

    from wherry.api.options import MERGE_PATCH
    from wherry.cli.kube.printing import named
    from wherry.cli.kube.text.values import compact
    from wherry.rollout.remembering import REMEMBER, remember
    from wherry.rollout.targets import Named, require

    require(info.resource, "history", "history viewer")
    memory = await remember(kube.client, Named(info.resource, info.name), info.namespace)
    if kube.given["always"]:
        await kube.client.patch(info.resource, info.namespace, info.name, {"metadata": {"annotations": {REMEMBER: "true"}}}, MERGE_PATCH)
    if kube.given["output"] == "json":
        kube.out(compact({"object": info.shown, **asdict(memory)}) + "\n")
        return
    kube.out(named(info.object, f"revision {memory.revision} remembered"))
    for reference, copy in memory.copies:
        kube.out(f"  {reference} as {copy}\n")
    for reference in memory.missing:
        kube.out(f"  {reference} is not there\n")


remember = KubeCommand("remember", _run, _FLAGS, usage="(TYPE NAME | TYPE/NAME)",
                       summary="Keep copies of the ConfigMaps and Secrets that the running revision refers to, for undo --with-config.")
