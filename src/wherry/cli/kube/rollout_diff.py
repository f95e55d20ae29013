"""`rollout diff`: what changed between two revisions, as paths."""

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
    Flag("output", "Output format: json, or lines.", short="o"),
    Flag("color", "always, never, or auto: on a terminal.", default="auto"),
))


async def _run(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.rollout import RolloutError

    words, numbers = _split(given.arguments)
    if not words and not given["filename"] and not given["kustomize"]:
        raise CommandError("required resource not specified")
    if len(numbers) > 2:
        raise CommandError("give one revision (compared with the one before it) or two")
    if given["output"] not in ("", "json"):
        raise CommandError(f'unable to match a printer suitable for the output format "{given["output"]}", allowed formats are: json')
    if given["color"] not in ("always", "never", "auto"):
        raise CommandError(f'invalid argument "{given["color"]}" for --color: must be always, never or auto')
    found = await gather(kube, query(kube, words))
    errors = list(found.errors)
    for info in found.infos:
        try:
            await _show(kube, info, numbers)
        except (StatusError, RolloutError) as error:
            errors.append(error)
    collected(errors)


def _split(words: list[str]) -> tuple[list[str], list[int]]:
    """Objects, and the revision numbers at the end."""
    numbers: list[int] = []
    words = list(words)
    while len(words) > 1 and words[-1].isdigit():
        numbers.insert(0, int(words.pop()))
    return words, numbers


async def _show(kube: Kube, info: Info, numbers: list[int]) -> None:
    from wherry.cli.kube.printing import named
    from wherry.cli.kube.text.differences import lines
    from wherry.cli.kube.text.history import title
    from wherry.cli.kube.text.values import indented
    from wherry.rollout import Rollout
    from wherry.rollout.differences import of_templates
    from wherry.rollout.revisions import pair
    from wherry.rollout.targets import Named

    target = Named(info.resource, info.name)
    revisions = await Rollout(kube.client, target, info.namespace, known=info.object).history()
    old, new = pair(revisions, numbers, target)
    found = of_templates(old.template, new.template)
    if kube.given["output"] == "json":
        rows = [{"path": d.path, "old": d.old, "new": d.new} for d in found]
        kube.out(indented({"object": named(info.object).strip(), "from": old.number, "to": new.number, "differences": rows}) + "\n")
        return
    color = kube.given["color"] == "always" or (kube.given["color"] == "auto" and kube.color)
    now = kube.now()
    shown = named(info.object).strip()
    kube.out(f"{shown}: {title(old, info.object, now)}\n{'to':>{len(shown)}}: {title(new, info.object, now)}\n")
    kube.out(lines(found, color=color, indent="  ") or "  (no difference)\n")


diff = KubeCommand("diff", _run, _FLAGS, usage="(TYPE NAME | TYPE/NAME) [REVISION [REVISION]]",
                   summary="Show what changed between two revisions; with one, against the one before it; with none, the newest.")
